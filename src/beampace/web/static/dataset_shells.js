// Statistics of a result against resolution: four plots that stay and get new numbers.
import { linePlot } from "./plots.js";

const HEIGHT = 220;
const PLOTS = [
  { id: "plot-cc", label: "CC1/2", unit: "", colour: "a", range: [0, 1], value: (shell) => shell.cc_half },
  { id: "plot-isigma", label: "I/\u03c3(I)", unit: "", colour: "b", range: [0, null], value: (shell) => shell.mean_i_over_sigma },
  { id: "plot-rmeas", label: "Rmeas", unit: "%", colour: "c", range: [0, null], value: (shell) => percent(shell.r_meas) },
  { id: "plot-complete", label: "completeness", unit: "%", colour: "d", range: [0, 100], value: (shell) => percent(shell.completeness) },
];
const percent = (value) => (value === null ? null : 100 * value);

export function shellsOf({ base }) {
  const holder = document.getElementById("shell-plots");
  const plots = new Map();
  let shown = "";

  // `result` and whether it has statistics, as the page says.
  async function show({ result, statistics }) {
    holder.hidden = !statistics;
    if (!statistics || result === shown) return;
    shown = result;
    try {
      const answer = await fetch(`${base}/api/results/${result}`);
      const page = answer.ok ? await answer.json() : null;
      if (shown === result) draw(page?.result?.statistics?.shells ?? []);
    } catch {
      shown = ""; // asked for again with the next refresh
    }
  }

  function draw(shells) {
    for (const one of PLOTS) {
      const spec = specOf(one, shells);
      if (plots.has(one.id)) plots.get(one.id).update(spec);
      else plots.set(one.id, linePlot(document.getElementById(one.id), spec));
    }
    holder.dataset.drawn = String(shells.length);
  }

  return { show };
}

function specOf(one, shells) {
  return {
    title: `${one.label} against resolution`,
    height: HEIGHT,
    x: { label: "resolution", unit: "\u00c5", values: shells.map(middle), scale: "resolution" },
    series: [{ label: one.label, unit: one.unit, values: shells.map(one.value), colour: one.colour, style: "line" }],
    yRange: one.range,
    empty: "No statistics per shell",
  };
}

// The middle of a shell on the scale of 1/d^2.
const middle = (shell) => Math.sqrt(2 / (shell.d_max ** -2 + shell.d_min ** -2));
