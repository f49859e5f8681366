// The page of what happens now. Rows of frames go from the stream straight to the plots; what stands around them
// is fetched as HTML. Another dataset takes over by itself.
import { linePlot } from "./plots.js";

const root = document.documentElement;
const base = root.dataset.base;
const by = (id) => document.getElementById(id);
const page = by("now");
const scan = by("now-scan");
const NAMES = ["spots", "d_min", "intensity", "background", "verdict", "ice_score"];
const PICTURE_MS = 500;

let shown = null; // the dataset on the page: {id, rows, table, frames, work, map}
let line = null; // what lists say of it
let plots = null;
let picture = null;
let pictureOf = 0;
let drawing = false;
let asking = null;

// ---- which dataset

async function refresh() {
  if (asking) return (asking.again = true);
  asking = { again: false };
  try {
    const answer = await fetch(`${base}/api/now?beamtime=${encodeURIComponent(page.dataset.beamtime)}`);
    if (answer.ok) take(await answer.json());
  } catch {
    // the stream says when the server is there again
  }
  const { again } = asking;
  asking = null;
  if (again) setTimeout(refresh, 100);
}

function take(now) {
  const found = now.collecting;
  by("scan-empty").hidden = Boolean(found);
  by("scan-body").hidden = !found;
  if (!found) return;
  if (shown && found.id < shown.id) return; // rows of a newer one were here before this answer
  if (!shown || shown.id !== found.id) begin(found.id);
  line = found;
  by("scan-state").textContent = now.is_collecting ? "Being collected" : "Last dataset";
  const name = found.sample || found.name;
  const words = found.sample ? [found.name] : [];
  by("scan-name").textContent = name;
  if (!now.is_collecting) words.push(found.verdict.words);
  by("scan-sub").textContent = [found.kind, found.place, ...words].filter(Boolean).join(" · ");
  if (now.live) rows(now.live);
  later();
}

function begin(id) {
  shown = { id, table: new Map(), last: 0, columns: empty(), frames: null, map: null };
  scan.dataset.dataset = String(id);
  line = null;
  by("scan-map").hidden = true;
  by("scan-map").replaceChildren();
  by("scan-frame").replaceChildren();
  by("scan-frame-words").textContent = "No frame was read yet";
  picture?.destroy();
  picture = null;
  pictureOf = 0;
  later();
}

const empty = () => Object.fromEntries(["frame", ...NAMES].map((name) => [name, []]));

// ---- rows

function took(delta) {
  if (shown && delta.dataset < shown.id) return;
  if (!shown || delta.dataset > shown.id) {
    begin(delta.dataset);
    refresh();
  }
  if (delta.dataset === shown.id) rows(delta);
}

function rows(delta) {
  const { frame = [] } = delta.columns ?? {};
  const follows = frame.length > 0 && frame[0] > shown.last;
  frame.forEach((number, k) => shown.table.set(number, NAMES.map((name) => delta.columns[name]?.[k] ?? null)));
  if (follows) append(frame);
  else if (frame.length) rebuild();
  if (delta.frames) shown.frames = delta.frames;
  if (delta.work === "map") mapped(delta);
  later();
}

function append(frames) {
  for (const number of frames) push(number, shown.table.get(number));
}

function rebuild() {
  shown.columns = empty();
  shown.last = 0;
  for (const number of [...shown.table.keys()].sort((a, b) => a - b)) push(number, shown.table.get(number));
}

function push(number, values) {
  shown.columns.frame.push(number);
  NAMES.forEach((name, k) => shown.columns[name].push(values[k]));
  shown.last = number;
}

// ---- what is drawn: the plots draw at most once per frame of the screen, and then it is told

function later() {
  if (!shown) return;
  plots ??= { spots: linePlot(by("plot-spots"), spots()), intensity: linePlot(by("plot-intensity"), intensity()) };
  plots.spots.update(spots());
  plots.intensity.update(intensity());
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    told();
  });
}

function told() {
  const place = by("plot-spots");
  place.dataset.frames = String(shown.columns.frame.length);
  place.dataset.lastFrame = String(shown.last);
  const frames = shown.frames ?? line?.frames;
  const announced = Math.max(frames?.announced ?? 0, line?.frames.announced ?? 0);
  const done = Math.max((shown.frames?.analysed ?? 0) + (shown.frames?.failed ?? 0), line?.frames.analysed ?? 0);
  by("scan-bar").max = announced || 1;
  by("scan-bar").value = done;
  const failed = frames?.failed ? `, ${frames.failed} cannot be read` : "";
  const pace = shown.frames?.waiting && shown.frames.per_second ? ` · ${shown.frames.per_second.toFixed(0)} frames/s` : "";
  by("scan-count").textContent = announced ? `${done} of ${announced} frames looked at${failed}${pace}` : "";
  pictured();
}

const wall = () => page.classList.contains("wall");
const axis = () => ({ label: "Frame", unit: "", values: shown.columns.frame, range: range() });
const range = () => {
  const announced = shown.frames?.announced ?? line?.frames.announced ?? 0;
  return announced > 1 && announced >= shown.last ? [1, announced] : undefined;
};

// The highest point lies whole inside of the plot.
function above(values) {
  let highest = 0;
  for (const value of values) if (value > highest) highest = value;
  return highest > 0 ? highest * 1.08 : null;
}

const spots = () => ({
  title: "Spots and resolution per frame",
  x: axis(),
  series: [
    { label: "Spots", unit: "per frame", values: shown.columns.spots, colour: "a", style: "points", axis: "left" },
    { label: "Resolution", unit: "Å", values: shown.columns.d_min, colour: "b", style: "points", axis: "right" },
  ],
  height: wall() ? 300 : 270,
  yRange: { left: [0, above(shown.columns.spots)], right: [null, null] },
  yReversed: "right",
  empty: "Waiting for the first frame",
});

const intensity = () => ({
  title: "Intensity of the spots per frame",
  x: axis(),
  series: [
    { label: "Intensity", unit: "counts", values: shown.columns.intensity, colour: "c", style: "points", axis: "left" },
  ],
  height: wall() ? 200 : 180,
  yRange: [0, above(shown.columns.intensity)],
  empty: "Waiting for the first frame",
});

// ---- the map of a grid scan

async function mapped(delta) {
  const mine = shown;
  const place = by("scan-map");
  if (!mine.map) {
    mine.waiting = merged(mine.waiting, delta);
    if (mine.loading) return;
    mine.loading = true;
    const { heatMap } = await import("./heatmap.js");
    if (shown !== mine) return;
    place.hidden = false;
    const go = ({ frame }) => frame && location.assign(`${base}/datasets/${mine.id}/frames/${frame}`);
    const options = { title: "Heat map of the grid scan", height: wall() ? 520 : 360, grid: mine.waiting.grid };
    mine.map = heatMap(place, wall() ? options : { ...options, onCell: go });
    mine.map.update(mine.waiting);
    mine.waiting = null;
    return;
  }
  mine.map.update(delta);
}

// What came before the map could be drawn: all rows are in the table, the rest is the newest.
function merged(before, delta) {
  const columns = { frame: [...shown.table.keys()] };
  NAMES.forEach((name, k) => (columns[name] = columns.frame.map((number) => shown.table.get(number)[k])));
  return { ...(before ?? {}), ...delta, columns };
}

// ---- the latest frame as a picture: one at a time, at most two in a second

let resting = false;

async function pictured() {
  const wanted = latest();
  if (!wanted || wanted === pictureOf || resting) return;
  resting = true;
  pictureOf = wanted;
  const mine = shown;
  const began = performance.now();
  try {
    const { framePicture } = await import("./pictures.js");
    if (shown === mine) {
      picture ??= framePicture(by("scan-frame"), { dataset: mine.id, width: 640 });
      by("scan-frame-words").textContent = `Frame ${wanted}`;
      await picture.show(wanted);
    }
  } catch {
    by("scan-frame-words").textContent = `Frame ${wanted} cannot be shown now`;
  }
  setTimeout(() => {
    resting = false;
    if (shown) pictured();
  }, Math.max(0, PICTURE_MS - (performance.now() - began)));
}

function latest() {
  const { frame, verdict } = shown.columns;
  for (let k = frame.length - 1; k >= 0; k--) if (verdict[k] !== "failed") return frame[k];
  return 0;
}

// ---- the time until the next result, by the server's clock

let behind = 0;

function clocks() {
  const at = by("now-around")?.dataset.at;
  if (at) behind = Date.now() - Date.parse(at);
}

function count() {
  for (const place of document.querySelectorAll("[data-expected-at]")) {
    const left = Math.round((Date.parse(place.dataset.expectedAt) - (Date.now() - behind)) / 1000);
    const words = left > 90 ? `in ${Math.round(left / 60)} min` : left > 0 ? `in ${left} s` : "any moment";
    if (place.textContent !== words) place.textContent = words;
  }
}

document.body.addEventListener("bp:live", ({ detail }) => took(detail));
document.body.addEventListener("bp:dataset-seen", refresh);
document.body.addEventListener("bp:refresh", refresh);
document.body.addEventListener("bp:reopened", refresh);
document.body.addEventListener("htmx:afterSettle", () => {
  clocks();
  count();
});
setInterval(count, 1000);
clocks();
count();
refresh();
