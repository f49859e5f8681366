// Line plots for all pages, on uPlot.
//
//   const plot = linePlot(element, spec); plot.update(spec); plot.destroy();
//
//   spec.title     what is shown, for people who do not see it
//   spec.x         {label, unit, values, scale?: "resolution", range?: [min, max]}; with "resolution" values are
//                  in angstrom and the axis is 1/d^2, from low to high resolution
//   spec.series    [{label, unit, values, colour: "a".."d", style: "line" | "points", axis: "left" | "right",
//                  format?(value) -> text}]; null is a gap
//   spec.height    of the plot in px, legend not included; it never changes with the data
//   spec.xReversed, spec.xTicks?(value) -> text
//   spec.yLabel    of the left axis, or {left, right}; else the labels of its series
//   spec.yRange    [min, max] of the left axis, or {left, right}; null for a bound that follows the data
//   spec.yScale    "log" for the left axis, or {left, right}
//   spec.yReversed "left" or "right": small values on top, as for a resolution in angstrom
//   spec.empty     what to say while there is nothing to show
//   spec.onClick?(index) index into the values, by click or Enter
//
// `update` with the same axes and series only hands over numbers; the plot is built anew when those change.
// Drag to enlarge, double click for all. Left, Right, Page keys, Home and End move the cursor on a focused plot.
import uPlot from "./vendor/uPlot.esm.js";
import { number, styled } from "./values.js";

const DASHES = { a: [], b: [9, 4], c: [2, 3], d: [9, 3, 2, 3] };
const MARKERS = { a: circle, b: square, c: triangle, d: diamond };
const RESOLUTIONS = [
  50, 20, 10, 8, 6, 5, 4, 3.5, 3, 2.7, 2.5, 2.3, 2.1, 2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1, 0.9, 0.8,
  0.7, 0.6, 0.5,
];
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

export function linePlot(element, spec) {
  const parts = frame(element, spec);
  const state = { spec, element, parts, order: null, data: null, u: null, zoomed: false, at: null, theme: themeOf(element) };
  build(state);
  const recolour = () => {
    state.theme = themeOf(element);
    if (!state.u) return;
    swatches(state);
    state.u.redraw(true, true);
  };
  styled("plots.css", recolour);
  DARK.addEventListener("change", recolour);
  const sized = new ResizeObserver(() => {
    const width = parts.canvas.clientWidth;
    if (width > 0 && width !== state.u.width) state.u.setSize({ width, height: heightOf(state.spec) });
  });
  sized.observe(parts.canvas);
  let waiting = 0;
  return {
    update(next) {
      state.next = next;
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        take(state, state.next);
      });
    },
    destroy() {
      cancelAnimationFrame(waiting);
      DARK.removeEventListener("change", recolour);
      sized.disconnect();
      clearTimeout(state.saying);
      state.u.destroy();
      state.u = null;
      element.replaceChildren();
    },
  };
}

// ---- the elements around the canvas

function frame(element, spec) {
  element.classList.add("plot");
  const canvas = made("div", "plot-canvas", { role: "img", tabindex: "0" });
  canvas.style.height = `${heightOf(spec)}px`;
  const legend = made("div", "plot-legend", { "aria-hidden": "true" });
  const live = made("div", "plot-live", { "aria-live": "polite" });
  const empty = made("p", "plot-empty", {});
  element.replaceChildren(canvas, legend, live);
  return { canvas, legend, live, empty, entries: [] };
}

function made(tag, name, attributes) {
  const found = document.createElement(tag);
  found.className = name;
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  return found;
}

function legendOf(state) {
  const entry = (label, swatch) => {
    const box = made("span", "plot-entry", {});
    const name = made("span", "plot-name", {});
    const value = made("span", "plot-value", {});
    name.textContent = label;
    box.append(...(swatch ? [swatch] : []), name, value);
    return { box, value, swatch };
  };
  const { x, series } = state.spec;
  const entries = [entry(x.label, null)];
  for (const one of series) entries.push(entry(one.label, made("canvas", "plot-swatch", {})));
  state.parts.entries = entries;
  state.parts.legend.replaceChildren(...entries.map((one) => one.box));
  swatches(state);
}

function swatches(state) {
  const ratio = window.devicePixelRatio || 1;
  state.spec.series.forEach((one, k) => {
    const canvas = state.parts.entries[k + 1].swatch;
    canvas.width = 28 * ratio;
    canvas.height = 12 * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.strokeStyle = pen.fillStyle = state.theme[colourOf(one)];
    if (one.style === "points") {
      const path = new Path2D();
      MARKERS[colourOf(one)](path, 14, 6, 4);
      pen.fill(path);
      return;
    }
    pen.lineWidth = 2;
    pen.setLineDash(DASHES[colourOf(one)]);
    pen.beginPath();
    pen.moveTo(0, 6);
    pen.lineTo(28, 6);
    pen.stroke();
  });
}

// ---- from a spec to uPlot

function build(state) {
  const { spec, parts } = state;
  const at = state.at;
  state.u?.destroy();
  state.zoomed = false;
  parts.canvas.style.height = `${heightOf(spec)}px`;
  legendOf(state);
  arrange(state);
  state.u = new uPlot(options(state), state.data, parts.canvas);
  parts.canvas.append(parts.empty);
  bind(state);
  told(state);
  if (at !== null) moveTo(state, at);
}

function take(state, next) {
  const same = shape(next) === shape(state.spec);
  state.spec = next;
  if (!same) return build(state);
  arrange(state);
  if (state.zoomed) {
    state.u.setData(state.data, false);
    state.u.redraw(true, true);
  } else {
    state.u.setData(state.data);
  }
  if (state.at !== null) moveTo(state, state.at);
  told(state);
}

// What a plot cannot change without being built anew.
function shape(spec) {
  const series = spec.series.map((one) => [one.label, one.unit, one.colour, one.style, one.axis]);
  const { label, unit, scale } = spec.x;
  const { height, xReversed, yScale, yReversed, yLabel } = spec;
  return JSON.stringify([series, label, unit, scale, height, xReversed, yScale, yReversed, yLabel]);
}

// uPlot wants rising x: sorts where needed, and remembers where each value came from.
function arrange(state) {
  const { x, series } = state.spec;
  const values = x.scale === "resolution" ? Array.from(x.values, (d) => 1 / (d * d)) : x.values;
  let rising = true;
  for (let i = 1; i < values.length && rising; i++) rising = values[i] >= values[i - 1];
  state.order = rising ? null : Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  const sorted = (list) => (state.order ? state.order.map((i) => list[i]) : list);
  const column = (one) => (isLog(state.spec, one.axis) ? one.values.map((v) => (v > 0 ? v : null)) : one.values);
  state.data = [sorted(values), ...series.map((one) => sorted(column(one)))];
}

function options(state) {
  const { spec, theme, parts } = state;
  const used = ["left", "right"].filter((side) => spec.series.some((one) => sideOf(one) === side));
  return {
    width: Math.max(parts.canvas.clientWidth, 80),
    height: heightOf(spec),
    legend: { show: false },
    scales: {
      x: { time: false, dir: spec.xReversed ? -1 : 1, range: (u, min, max) => xRange(state.spec, min, max) },
      ...Object.fromEntries(used.map((side) => [side, yScale(state, side)])),
    },
    axes: [xAxis(state), ...used.map((side, k) => yAxis(state, side, k === 0))],
    series: [{}, ...spec.series.map((one) => seriesOf(state, one))],
    cursor: {
      y: false,
      drag: { x: true, y: false, dist: 6 },
      points: { size: 9, width: 2, stroke: (u, k) => state.theme[colourOf(spec.series[k - 1])], fill: () => state.theme.paper },
    },
    hooks: {
      setCursor: [() => readOut(state)],
      setSelect: [(u) => (state.zoomed ||= u.select.width > 0)],
    },
  };
}

function xRange(spec, min, max) {
  const [low, high] = spec.x.range ?? [min, max];
  if (low === null || high === null) return [low, high];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function xAxis(state) {
  const { x } = state.spec;
  const axis = {
    label: `${x.label}${x.unit ? ` (${x.unit})` : ""}`,
    ...axisLook(state),
    size: 34,
    labelSize: 20,
    labelGap: 0,
  };
  if (x.scale === "resolution") {
    axis.splits = (u, k, min, max) => resolutionTicks(u, min, max);
    axis.values = (u, ticks) => ticks.map((v) => number(1 / Math.sqrt(v), 2));
  } else {
    axis.values = (u, ticks) => ticks.map((v) => (state.spec.xTicks ? state.spec.xTicks(v) : number(v, 6)));
  }
  return axis;
}

function yAxis(state, side, grid) {
  const names = state.spec.series.filter((one) => sideOf(one) === side);
  const axis = {
    scale: side,
    side: side === "left" ? 3 : 1,
    label: bySide(state.spec.yLabel, side) ?? axisLabel(names),
    ...axisLook(state),
    size: 54,
    labelSize: 20,
    labelGap: 0,
    values: (u, ticks) => ticks.map((v) => (v === null ? "" : compact(v))),
  };
  axis.grid.show = grid;
  return axis;
}

// The labels of all series of an axis, with their unit once where they share it.
function axisLabel(series) {
  const units = new Set(series.map((one) => one.unit ?? ""));
  if (units.size > 1) return series.map((one) => named(one)).join(", ");
  const unit = [...units][0];
  return series.map((one) => one.label).join(", ") + (unit ? ` (${unit})` : "");
}

const named = (one) => (one.unit ? `${one.label} (${one.unit})` : one.label);

function axisLook(state) {
  const font = '12px system-ui, "Liberation Sans", sans-serif';
  return {
    stroke: () => state.theme.ink,
    font,
    labelFont: font,
    grid: { stroke: () => state.theme.grid, width: 1 },
    ticks: { stroke: () => state.theme.grid, width: 1, size: 5 },
  };
}

function yScale(state, side) {
  const scale = { dir: state.spec.yReversed === side ? -1 : 1 };
  if (isLog(state.spec, side)) return { ...scale, distr: 3 };
  return { ...scale, range: (u, min, max) => bounded(bySide(state.spec.yRange, side), min, max) };
}

function bounded(wanted, min, max) {
  const [low, high] = min === null ? [0, 1] : uPlot.rangeNum(min, max, 0.1, true);
  const found = [wanted?.[0] ?? low, wanted?.[1] ?? high];
  return found[0] < found[1] ? found : [found[0], found[0] + 1];
}

function seriesOf(state, one) {
  const name = colourOf(one);
  const common = { label: one.label, scale: sideOf(one), stroke: () => state.theme[name] };
  if (one.style !== "points") return { ...common, width: 2, dash: DASHES[name], points: { size: 6, width: 1.5, fill: () => state.theme.paper } };
  const fill = () => state.theme[name];
  return { ...common, width: 0, fill, points: { show: false }, paths: marks(MARKERS[name]) };
}

// Draws every value as a marker; smaller where there are many.
function marks(marker) {
  return (u, k, first, last) => {
    const path = new Path2D();
    const ratio = window.devicePixelRatio || 1;
    const size = (last - first > 400 ? 2 : 3) * ratio;
    const [xs, ys, scale] = [u.data[0], u.data[k], u.series[k].scale];
    for (let i = first; i <= last; i++) {
      if (ys[i] === null || ys[i] === undefined) continue;
      marker(path, u.valToPos(xs[i], "x", true), u.valToPos(ys[i], scale, true), size);
    }
    return { stroke: null, fill: path, flags: 3 };
  };
}

function circle(path, x, y, size) {
  path.moveTo(x + size, y);
  path.arc(x, y, size, 0, 2 * Math.PI);
}

function square(path, x, y, size) {
  path.rect(x - size, y - size, 2 * size, 2 * size);
}

function triangle(path, x, y, size) {
  path.moveTo(x, y - 1.3 * size);
  path.lineTo(x + 1.2 * size, y + size);
  path.lineTo(x - 1.2 * size, y + size);
  path.closePath();
}

function diamond(path, x, y, size) {
  const reach = 1.4 * size;
  path.moveTo(x, y - reach);
  path.lineTo(x + reach, y);
  path.lineTo(x, y + reach);
  path.lineTo(x - reach, y);
  path.closePath();
}

// Ticks at round resolutions, so far apart that their numbers do not touch; the highest resolution first.
function resolutionTicks(u, min, max) {
  const found = [];
  let last = Infinity;
  const apart = (46 / Math.max(u.bbox.width / (window.devicePixelRatio || 1), 1)) * (max - min);
  for (const d of [...RESOLUTIONS].reverse()) {
    const value = 1 / (d * d);
    if (value < min || value > max || last - value < apart) continue;
    found.unshift(value);
    last = value;
  }
  return found;
}

// ---- the cursor

function bind(state) {
  const { u, parts } = state;
  u.over.addEventListener("dblclick", () => (state.zoomed = false));
  u.over.addEventListener("pointerdown", () => (state.at = null));
  u.over.addEventListener("click", () => {
    if (u.cursor.idx !== null && u.cursor.idx !== undefined) choose(state, u.cursor.idx);
  });
  u.over.classList.toggle("plot-choosing", Boolean(state.spec.onClick));
  parts.canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (pressed(state, event.key)) event.preventDefault();
  };
  parts.canvas.onblur = () => {
    state.at = null;
    state.u.setCursor({ left: -10, top: -10 });
  };
}

function pressed(state, key) {
  const last = state.data[0].length - 1;
  if (last < 0) return false;
  const here = state.at ?? state.u.cursor.idx ?? null;
  const step = state.spec.xReversed ? -1 : 1;
  const page = Math.max(1, Math.round(last / 10));
  const to = { ArrowLeft: -step, ArrowRight: step, PageDown: -page, PageUp: page }[key];
  if (to !== undefined) state.at = here === null ? 0 : Math.min(last, Math.max(0, here + to));
  else if (key === "Home") state.at = 0;
  else if (key === "End") state.at = last;
  else if (key === "Enter" && here !== null) return choose(state, here);
  else if (key === "Escape" && here !== null) state.at = null;
  else return false;
  if (state.at === null) state.u.setCursor({ left: -10, top: -10 });
  else moveTo(state, state.at);
  sayLater(state);
  return true;
}

function choose(state, index) {
  state.spec.onClick?.(state.order ? state.order[index] : index);
  return Boolean(state.spec.onClick);
}

function moveTo(state, index) {
  const { u, data } = state;
  state.at = Math.min(index, data[0].length - 1);
  if (state.at < 0) return;
  const x = data[0][state.at];
  if (x < u.scales.x.min || x > u.scales.x.max) u.setData(data);
  u.setCursor({ left: u.valToPos(x, "x"), top: u.over.clientHeight / 2 });
}

function readOut(state) {
  const { u, data, spec, parts } = state;
  const index = state.at ?? u?.cursor.idx ?? null;
  const there = index !== null && index < data[0].length;
  parts.entries[0].value.textContent = there ? xText(spec, data[0][index]) : "";
  spec.series.forEach((one, k) => {
    parts.entries[k + 1].value.textContent = there ? yText(one, data[k + 1][index]) : "";
  });
}

function xText(spec, x) {
  const value = spec.x.scale === "resolution" ? 1 / Math.sqrt(x) : x;
  const text = spec.xTicks ? spec.xTicks(value) : number(value, spec.x.scale ? 3 : 6);
  return spec.x.unit ? `${text} ${spec.x.unit}` : text;
}

function yText(one, value) {
  if (value === null || value === undefined) return "no value";
  const text = one.format ? one.format(value) : number(value, 4);
  return one.unit ? `${text} ${one.unit}` : text;
}

function sayLater(state) {
  clearTimeout(state.saying);
  state.saying = setTimeout(() => {
    const entries = state.parts.entries.map((one) => one.box.textContent && spoken(one));
    state.parts.live.textContent = state.at === null ? "" : entries.join(", ");
  }, 120);
}

const spoken = (entry) => `${entry.box.querySelector(".plot-name").textContent} ${entry.value.textContent}`;

// ---- for people who do not see the plot

function told(state) {
  const { spec, data, parts } = state;
  const none = data.slice(1).every((column) => column.every((v) => v === null || v === undefined));
  parts.empty.hidden = !none;
  parts.empty.textContent = none ? spec.empty ?? "No values yet" : "";
  const now = performance.now();
  if (!none && state.toldAt && now - state.toldAt < 1000) return;
  state.toldAt = now;
  const words = none ? [parts.empty.textContent] : spec.series.map((one, k) => inWords(one, data[k + 1]));
  parts.canvas.setAttribute("aria-label", `${spec.title}, against ${named(spec.x)}. ${words.join("; ")}.`);
  readOut(state);
}

function inWords(one, values) {
  let [low, high, n] = [Infinity, -Infinity, 0];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    [low, high, n] = [Math.min(low, value), Math.max(high, value), n + 1];
  }
  if (n === 0) return `${one.label}: no values`;
  return `${one.label}: ${n} values from ${yText(one, low)} to ${yText(one, high)}`;
}

// ---- small things

const heightOf = (spec) => spec.height ?? 220;
const colourOf = (one) => one.colour ?? "a";
const sideOf = (one) => one.axis ?? "left";
const isLog = (spec, side = "left") => bySide(spec.yScale, side) === "log";

// What was said of an axis: one thing for the left one, or {left, right}.
function bySide(said, side) {
  const both = said !== null && typeof said === "object" && !Array.isArray(said);
  return both ? said[side] : side === "left" ? said : undefined;
}

function compact(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${number(value / 1e6, 4)}M`;
  return size >= 1e4 ? `${number(value / 1e3, 4)}k` : number(value, 4);
}

function themeOf(element) {
  const found = getComputedStyle(element);
  const read = (name) => found.getPropertyValue(`--plot-${name}`).trim();
  return Object.fromEntries(["a", "b", "c", "d", "ink", "grid", "paper"].map((name) => [name, read(name) || "#888"]));
}
