// Two results side by side: their statistics against resolution in one plot each; another choice shows at once.
import { linePlot } from "./plots.js";

const base = document.documentElement.dataset.base;
const shells = document.getElementById("shells");
const percent = (value) => (value === null ? null : 100 * value);
const PLOTS = [
  { id: "plot-cc", label: "CC1/2", unit: "", range: [0, 1.05], value: (shell) => shell.cc_half },
  { id: "plot-isigma", label: "I/\u03c3(I)", unit: "", range: [0, null], value: (shell) => shell.mean_i_over_sigma },
  { id: "plot-rmeas", label: "Rmeas", unit: "%", range: [0, null], value: (shell) => percent(shell.r_meas) },
  { id: "plot-complete", label: "completeness", unit: "%", range: [0, 105], value: (shell) => percent(shell.completeness) },
];

// The middle of a shell on the scale of 1/d^2.
const middle = (shell) => Math.sqrt(2 / (shell.d_max ** -2 + shell.d_min ** -2));

function draw(a, b) {
  const places = [...a.map((shell) => [middle(shell), shell, null]), ...b.map((shell) => [middle(shell), null, shell])];
  places.sort((one, two) => two[0] - one[0]);
  for (const { id, label, unit, range, value } of PLOTS) {
    const series = (name, at, colour) => ({
      label: name, unit, colour, style: "points", values: places.map((place) => place[at] && value(place[at])),
    });
    linePlot(document.getElementById(id), {
      title: `${label} of both against resolution`,
      height: 220,
      x: { label: "resolution", unit: "\u00c5", values: places.map(([d]) => d), scale: "resolution" },
      series: [series("first", 1, "a"), series("second", 2, "b")],
      yRange: range,
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
