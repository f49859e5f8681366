// Statistics of a result against resolution: four plots that stay and get new numbers.
import { linePlot } from "./plots.js";
import { middle, shellAxis, SHELL_PLOTS } from "./shells.js";

const HEIGHT = 220;

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
    for (const one of SHELL_PLOTS) {
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
    x: shellAxis(shells.map(middle)),
    series: [{ label: one.label, unit: one.unit, values: shells.map(one.value), colour: one.colour, style: "line" }],
    yRange: one.range,
    empty: "No statistics per shell",
  };
}
