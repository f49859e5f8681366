// Two results side by side: their statistics against resolution in one plot each; another choice shows at once.
import { linePlot } from "./plots.js";
import { middle, shellAxis, SHELL_PLOTS } from "./shells.js";

const base = document.documentElement.dataset.base;
const shells = document.getElementById("shells");
const HEADROOM = 1.05; // markers at the top lie whole inside of the plot

function draw(a, b) {
  const places = [...a.map((shell) => [middle(shell), shell, null]), ...b.map((shell) => [middle(shell), null, shell])];
  places.sort((one, two) => two[0] - one[0]);
  for (const { id, label, unit, range, value } of SHELL_PLOTS) {
    const series = (name, at, colour) => ({
      label: name, unit, colour, style: "points", values: places.map((place) => place[at] && value(place[at])),
    });
    linePlot(document.getElementById(id), {
      title: `${label} of both against resolution`,
      height: 220,
      x: shellAxis(places.map(([d]) => d)),
      series: [series("first", 1, "a"), series("second", 2, "b")],
      yRange: [range[0], range[1] && range[1] * HEADROOM],
      yLabel: unit ? `${label} (${unit})` : label,
      empty: "No statistics per shell",
    });
  }
}

if (!shells.hidden) {
  const answer = await fetch(`${base}/api/compare?a=${shells.dataset.a}&b=${shells.dataset.b}`);
  if (answer.ok) {
    const page = await answer.json();
    draw(page.a.shells, page.b.shells);
    shells.dataset.drawn = "yes";
  }
}
document.addEventListener("change", ({ target }) => {
  if (target.matches('select[form="choose"]')) document.getElementById("choose").requestSubmit();
});
