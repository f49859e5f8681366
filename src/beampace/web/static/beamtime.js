// A beamtime in numbers: two plots that get new values, figures that are asked for again, at most every two seconds.
import { linePlot } from "./plots.js";

const base = document.documentElement.dataset.base;
const page = document.getElementById("beamtime");
const REST_MS = 2000;
const CLASSES = { urgent: "a", live: "c", full: "b", rerun: "d" };
const plots = {};
let asked = -Infinity;
let due = 0;

const zone = Intl.DateTimeFormat([], { timeZoneName: "short" }).formatToParts().find(({ type }) => type === "timeZoneName").value;

function ticks(times) {
  const long = times.length > 1 && times.at(-1) - times[0] > 36 * 3600;
  const form = long ? { day: "2-digit", month: "short", hour: "2-digit", hour12: false }
    : { hour: "2-digit", minute: "2-digit", hour12: false };
  if (times.length > 1 && times.at(-1) - times[0] < 900) form.second = "2-digit";
  const words = new Intl.DateTimeFormat([], form);
  return (seconds) => words.format(new Date(1000 * seconds));
}

// All classes have one axis: every moment of any of them, with gaps where it is another's.
function lag(series) {
  const times = series.flatMap((one) => one.times).sort((a, b) => a - b);
  const at = new Map(times.map((time, k) => [time, k]));
  return {
    title: "Seconds from the last frame to the result, against time",
    height: 240,
    x: { label: `time of the result (${zone})`, unit: "", values: times },
    xTicks: ticks(times),
    series: series.map(({ of, times: own, seconds }) => {
      const values = new Array(times.length).fill(null);
      own.forEach((time, k) => (values[at.get(time)] = seconds[k]));
      return { label: of, unit: "s", values, colour: CLASSES[of] ?? "d", style: "points" };
    }),
    yRange: [0, null],
    yLabel: "lag (s)",
    empty: "No result yet",
  };
}

function frames({ times, taken, processed }) {
  return {
    title: "Frames taken and frames processed, against time",
    height: 240,
    x: { label: `time (${zone})`, unit: "", values: times },
    xTicks: ticks(times),
    series: [
      { label: "taken", unit: "frames", values: taken, colour: "a", style: "line" },
      { label: "processed", unit: "frames", values: processed, colour: "b", style: "line" },
    ],
    yRange: [0, null],
    yLabel: "frames so far",
    empty: "No frame yet",
  };
}

function put(id, spec) {
  if (plots[id]) plots[id].update(spec);
  else plots[id] = linePlot(document.getElementById(id), spec);
}

async function draw() {
  const answer = await fetch(`${base}/api/beamtime?beamtime=${encodeURIComponent(page.dataset.beamtime)}`);
  if (!answer.ok) return;
  const found = await answer.json();
  put("plot-lag", lag(found.lag_series));
  put("plot-frames", frames(found.frames));
  page.dataset.drawn = String(found.frames.times.length);
}

function refresh() {
  clearTimeout(due);
  due = setTimeout(() => {
    asked = performance.now();
    document.getElementById("figures").dispatchEvent(new CustomEvent("time:refresh"));
    draw().catch(() => {}); // the stream says when the server is there again
  }, Math.max(0, asked + REST_MS - performance.now()));
}

if (page) {
  put("plot-lag", lag([]));
  put("plot-frames", frames({ times: [], taken: [], processed: [] }));
  draw().catch(() => {});
  for (const name of ["bp:refresh", "bp:reopened"]) document.body.addEventListener(name, refresh);
}
