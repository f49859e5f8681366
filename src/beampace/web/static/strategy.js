// The page of a strategy: copy buttons, and completeness against range.
import { copyButtons } from "./copy.js";
import { linePlot } from "./plots.js";
import { number } from "./values.js";

const root = document.getElementById("strategy");
const base = document.documentElement.dataset.base;
const COLOURS = ["a", "b", "c", "d"];
let plot = null;

copyButtons(root);
document.body.addEventListener(`bp:dataset-${root.dataset.dataset}`, (event) => {
  if (event.detail.topic?.startsWith("result")) load();
});
document.body.addEventListener("bp:reopened", load);
if (root.dataset.result) load();

async function load() {
  try {
    const address = `${base}/api/datasets/${root.dataset.dataset}/strategy`;
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (answer.ok) show((await answer.json()).strategy);
  } catch {
    // the stream says when the server is back
  }
}

function show({ columns, recommendation }) {
  const series = seriesOf(columns, recommendation);
  document.getElementById("curve").hidden = series.length === 0;
  if (series.length === 0) return;
  const spec = {
    title: "Completeness",
    height: 280,
    x: { label: "range", unit: "\u00b0", values: ranges(columns) },
    yRange: [0, 100],
    yLabel: "completeness (%)",
    series,
  };
  if (plot) plot.update(spec);
  else plot = linePlot(document.getElementById("curve-plot"), spec);
}

const ranges = (columns) => [...new Set(columns.range)].sort((a, b) => a - b);

// Two curves for the recommended start, and completeness for the next best ones.
function seriesOf(columns, plan) {
  const starts = [...new Set(columns.start ?? [])];
  const wanted = plan?.start_deg;
  starts.sort((a, b) => apart(a, wanted) - apart(b, wanted) || a - b);
  const found = starts.slice(0, 3).flatMap((start, k) => [
    curve(columns, start, "completeness", ""),
    ...(k === 0 && columns.anomalous ? [curve(columns, start, "anomalous", "anomalous ")] : []),
  ]);
  return found.slice(0, 4).map((one, k) => ({ ...one, colour: COLOURS[k] }));
}

const apart = (start, wanted) => (wanted === undefined ? 0 : Math.abs(start - wanted));

function curve(columns, start, name, prefix) {
  const known = new Map();
  columns.start.forEach((value, i) => {
    if (value === start && columns[name]?.[i] !== null) known.set(columns.range[i], 100 * columns[name][i]);
  });
  const label = `${prefix}from ${number(start, 5)}\u00b0`;
  return { label, unit: "%", values: ranges(columns).map((range) => known.get(range) ?? null) };
}
