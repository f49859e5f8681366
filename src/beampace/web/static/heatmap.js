// The heat map of a grid scan.
//
//   const map = heatMap(element, options); map.update(data); map.highlight(rank); map.choose(column, row); map.destroy();
//
//   options.title    what it is, for people who do not see it
//   options.height   of the map at most, in px (420)
//   options.grid     as in data, when it is known before the data: then nothing moves when they come
//   options.score    shown first: spots, intensity, resolution or combined
//   options.scores   false: without the choice of a score (small maps)
//   options.onCell({column, row, frame})   by click or Enter
//   options.onScore(score)
//   options.onCrystal(rank or null)   the crystal below the pointer or the cursor
//
//   data {grid, numbers, columns, crystals}: of map.json, or only what changed; rows of columns are taken in by
//   frame number, so that rows given twice do not double. A frame without a row, or without spots, is missing.
//
// Arrow keys move the cursor, Home and End within a row, 1 to 9 to a crystal; Enter chooses the cell.
import { cross, hatching, heightFor, layout, paint } from "./heatpaint.js";
import { SCORES, scoreOf, viridis } from "./heatscale.js";
import { number, styled } from "./values.js";

export { SCORES, scoreOf };

const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const SHOWN = ["spots", "intensity", "d_min", "background", "verdict", "reason"];
const NARROW = 480; // px; on a narrower map what is said of a cell stands below it
const WORDS = { good: "diffraction", weak: "weak diffraction", blank: "nothing seen", ice: "ice", failed: "cannot be read" };

export function heatMap(element, options = {}) {
  const parts = frame(element, options);
  const state = {
    options, parts, element, theme: {},
    score: options.score in SCORES ? options.score : "spots",
    grid: options.grid ?? null, numbers: null, cells: new Map(), rows: new Map(), crystals: [],
    cursor: null, chosen: null, highlit: null, hover: false, place: null, scores: new Float64Array(0), failed: [],
    highest: 0,
  };
  if (parts.select) parts.select.value = state.score;
  let waiting = 0;
  state.again = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      draw(state);
    });
  };
  const recolour = () => {
    state.theme = themeOf(element);
    state.again();
  };
  styled("heatmap.css", recolour);
  DARK.addEventListener("change", recolour);
  const sized = new ResizeObserver(() => state.again());
  sized.observe(parts.box);
  bind(state);
  fit(state);
  recolour();
  return {
    update(data) {
      take(state, data);
      state.again();
    },
    highlight(rank) {
      state.highlit = rank;
      state.again();
    },
    choose(column, row) {
      state.chosen = [column, row];
      state.again();
    },
    destroy() {
      cancelAnimationFrame(waiting);
      state.again = () => {};
      DARK.removeEventListener("change", recolour);
      sized.disconnect();
      element.replaceChildren();
    },
  };
}

// ---- the elements

function frame(element, options) {
  element.classList.add("heat");
  const box = made("div", "heat-box");
  const canvas = made("canvas", "heat-canvas", { tabindex: "0", role: "application", "aria-roledescription": "heat map" });
  const tip = made("div", "heat-tip", { hidden: "", "aria-hidden": "true" });
  const empty = made("p", "heat-empty");
  const live = made("div", "heat-live", { "aria-live": "polite" });
  const legend = made("div", "heat-legend");
  const scale = made("canvas", "heat-scale", { "aria-hidden": "true" });
  const [from, to, unit] = ["heat-from", "heat-to", "heat-unit"].map((name) => made("span", name));
  const missing = made("canvas", "heat-swatch", { "aria-hidden": "true" });
  const failed = made("canvas", "heat-swatch", { "aria-hidden": "true" });
  const crossed = word(failed, "frame cannot be read");
  box.append(canvas, empty, tip);
  legend.append(group(unit, from, scale, to), word(missing, "no answer: still to come, or missing"), crossed);
  const select = options.scores === false ? null : chooser();
  element.replaceChildren(...(select ? [select.label] : []), box, legend, live);
  return { box, canvas, tip, empty, live, scale, from, to, unit, missing, failed, select: select?.select };
}

function made(tag, name, attributes = {}) {
  const found = document.createElement(tag);
  found.className = name;
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  return found;
}

function word(swatch, text) {
  const found = made("span", "heat-key");
  found.append(swatch, text);
  return found;
}

function group(...children) {
  const found = made("span", "heat-key");
  found.append(...children);
  return found;
}

function chooser() {
  const label = made("label", "heat-score");
  const select = made("select", "heat-select");
  for (const [value, { label: text }] of Object.entries(SCORES)) select.append(new Option(text, value));
  label.append("Score ", select);
  return { label, select };
}

// ---- data

function take(state, data) {
  if (data.grid) state.grid = data.grid;
  if (data.numbers) state.numbers = data.numbers;
  if (data.crystals) state.crystals = data.crystals;
  if (data.columns) upsert(state.rows, data.columns);
  if (data.numbers) numberCells(state);
  if (data.grid) fit(state);
  count(state);
}

function upsert(rows, columns) {
  const kept = SHOWN.filter((name) => columns[name]);
  (columns.frame ?? []).forEach((frame, i) => {
    const row = rows.get(frame) ?? {};
    for (const name of kept) row[name] = columns[name][i];
    rows.set(frame, row);
  });
}

function numberCells(state) {
  state.cells = new Map();
  state.numbers.forEach((line, row) => line.forEach((frame, column) => state.cells.set(frame, [column, row])));
}

function count(state) {
  if (!state.grid) return;
  const { columns, rows } = state.grid;
  state.scores = new Float64Array(columns * rows).fill(NaN);
  state.failed = new Uint8Array(columns * rows);
  state.highest = 0;
  for (const [frame, row] of state.rows) {
    const cell = state.cells.get(frame);
    if (!cell) continue;
    const at = cell[1] * columns + cell[0];
    const score = scoreOf(state.score, row);
    if (score !== null) {
      state.scores[at] = score;
      state.highest = Math.max(state.highest, score);
    }
    if (row.verdict === "failed") state.failed[at] = 1;
  }
}

const frameAt = (state, [column, row]) => state.numbers?.[row]?.[column] ?? null;

// ---- drawing

function fit(state) {
  const most = state.options.height ?? 420;
  const width = state.parts.box.clientWidth;
  state.parts.box.style.height = `${state.grid && width ? heightFor(state.grid, width, most) : most}px`;
}

function draw(state) {
  const { canvas, box, empty } = state.parts;
  if (box.clientWidth !== state.width) fit(state);
  state.width = box.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [box.clientWidth, box.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  empty.hidden = Boolean(state.grid);
  empty.textContent = state.grid ? "" : "The map begins with the first frame.";
  state.place = state.grid ? layout(state.grid, width, height) : null;
  measured(state);
  paint(canvas, state);
  paintLegend(state);
  tell(state);
  if (state.cursor) showTip(state);
}

// Where the cells are, for style sheets and for whoever looks at the page from outside.
function measured({ place, parts }) {
  if (!place) return;
  for (const [name, value] of Object.entries(place)) parts.canvas.dataset[name] = value.toFixed(3);
}

function paintLegend({ parts, score, highest, theme }) {
  const { text, unit, label } = SCORES[score];
  const bar = sizedCanvas(parts.scale, 160, 14);
  for (let x = 0; x < 160; x++) {
    bar.fillStyle = `rgb(${viridis(x / 159).join(",")})`;
    bar.fillRect(x, 0, 1.5, 14);
  }
  parts.unit.textContent = unit ? `${label} (${unit})` : label;
  parts.from.textContent = score === "resolution" ? "none" : "0";
  parts.to.textContent = highest > 0 ? text(highest) : "";
  for (const [swatch, isFailed] of [[parts.missing, false], [parts.failed, true]]) {
    const pen = sizedCanvas(swatch, 22, 16);
    pen.fillStyle = hatching(pen, theme);
    pen.fillRect(0, 0, 22, 16);
    if (!isFailed) continue;
    const path = new Path2D();
    cross(path, 3, 0, 16, 16);
    pen.strokeStyle = theme.failed;
    pen.lineWidth = 2;
    pen.stroke(path);
  }
}

function sizedCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

function tell(state) {
  const { grid, scores, score, highest, crystals, options, parts } = state;
  const title = options.title ?? "Heat map";
  if (!grid) return parts.canvas.setAttribute("aria-label", `${title}: nothing to show yet`);
  const answered = scores.reduce((sum, value) => sum + !Number.isNaN(value), 0);
  const best = `${SCORES[score].label} up to ${SCORES[score].text(highest)}`;
  const found = crystals.length === 1 ? "1 crystal" : `${crystals.length} crystals`;
  const words = `${title}: ${grid.columns} by ${grid.rows} cells, ${answered} with an answer. ${best}. ${found}.`;
  parts.canvas.setAttribute("aria-label", `${words} Arrow keys move between cells, Enter shows the frame.`);
}

// ---- pointer and keys

function bind(state) {
  const { canvas, select } = state.parts;
  canvas.addEventListener("pointermove", (event) => point(state, event));
  canvas.addEventListener("pointerleave", () => point(state, null));
  canvas.addEventListener("click", (event) => {
    const cell = cellAt(state, event);
    if (cell) enter(state, cell);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !state.grid) return;
    if (pressed(state, event.key)) event.preventDefault();
  });
  canvas.addEventListener("blur", () => point(state, null));
  select?.addEventListener("change", () => {
    state.score = select.value;
    count(state);
    state.again();
    state.options.onScore?.(state.score);
  });
}

function cellAt(state, event) {
  if (!state.place) return null;
  const { left, top, cellWidth, cellHeight } = state.place;
  const column = Math.floor((event.offsetX - left) / cellWidth);
  const row = Math.floor((event.offsetY - top) / cellHeight);
  const inside = column >= 0 && row >= 0 && column < state.grid.columns && row < state.grid.rows;
  return inside ? [column, row] : null;
}

function point(state, event) {
  setCursor(state, event && cellAt(state, event));
}

function setCursor(state, cell) {
  if (String(cell) === String(state.cursor)) return;
  state.cursor = cell;
  state.parts.tip.hidden = !cell;
  state.options.onCrystal?.(cell ? crystalAt(state, cell)?.rank ?? null : null);
  state.again();
}

function crystalAt(state, [column, row]) {
  return state.crystals.find((one) => one.cells.some(([x, y]) => x === column && y === row));
}

function pressed(state, key) {
  const { columns, rows } = state.grid;
  const [column, row] = state.cursor ?? state.chosen ?? [0, 0];
  const moves = {
    ArrowLeft: [column - 1, row], ArrowRight: [column + 1, row], ArrowUp: [column, row - 1],
    ArrowDown: [column, row + 1], Home: [0, row], End: [columns - 1, row], PageUp: [column, row - 10],
    PageDown: [column, row + 10],
  };
  if (key === "Enter" || key === " ") {
    enter(state, [column, row]);
    return true;
  }
  if (key === "Escape") return state.cursor ? (setCursor(state, null), true) : false;
  const wanted = state.cursor || state.chosen ? moves[key] : moves[key] && [0, 0];
  const crystal = /^[1-9]$/.test(key) && state.crystals.find((one) => one.rank === Number(key));
  const to = crystal ? crystal.best_cell : wanted;
  if (!to) return false;
  setCursor(state, [Math.min(columns - 1, Math.max(0, to[0])), Math.min(rows - 1, Math.max(0, to[1]))]);
  say(state);
  return true;
}

function enter(state, cell) {
  state.chosen = cell;
  const frame = frameAt(state, cell);
  if (frame !== null) state.options.onCell?.({ column: cell[0], row: cell[1], frame });
  state.again();
}

// ---- what a cell says

function linesOf(state, cell) {
  const [column, row] = cell;
  const { grid } = state;
  const frame = frameAt(state, cell);
  const where = grid.step_um
    ? ` (${number((column + 0.5) * grid.step_um[0], 5)}, ${number((row + 0.5) * grid.step_um[1], 5)} \u00b5m)`
    : "";
  const values = state.rows.get(frame);
  const crystal = crystalAt(state, cell);
  const lines = [`column ${column + 1}, row ${row + 1}${where}`, frame === null ? "no frame" : `frame ${frame}`];
  if (crystal) lines.push(`crystal ${crystal.rank}`);
  if (!values) return [...lines, "no answer: still to come, or missing"];
  if (values.verdict === "failed") return [...lines, "cannot be read", ...(values.reason ? [values.reason] : [])];
  lines.push(`${number(values.spots, 6)} spots`);
  lines.push(values.d_min ? `to ${number(values.d_min, 3)} \u00c5` : "no resolution estimate");
  if (values.intensity !== undefined) lines.push(`${number(values.intensity, 4)} counts in spots`);
  if (state.score === "combined") lines.push(`combined ${number(scoreOf("combined", values), 4)}`);
  if (typeof values.background === "number") lines.push(`background ${number(values.background, 3)} counts/pixel`);
  if (values.verdict) lines.push(WORDS[values.verdict] ?? values.verdict.replaceAll("_", " "));
  return lines;
}

function showTip(state) {
  const { tip, box } = state.parts;
  const { left, top, cellWidth, cellHeight } = state.place;
  const lines = linesOf(state, state.cursor);
  tip.replaceChildren(...lines.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
  tip.hidden = false;
  if (box.clientWidth < NARROW) {
    [tip.style.left, tip.style.top] = ["0", `${box.clientHeight}px`];
    return;
  }
  const [x, y] = [left + (state.cursor[0] + 1) * cellWidth + 8, top + (state.cursor[1] + 1) * cellHeight + 8];
  const fitsX = x + tip.offsetWidth <= box.clientWidth;
  const fitsY = y + tip.offsetHeight <= box.clientHeight;
  const beforeX = left + state.cursor[0] * cellWidth - 8 - tip.offsetWidth;
  const beforeY = top + state.cursor[1] * cellHeight - 8 - tip.offsetHeight;
  tip.style.left = `${Math.max(0, fitsX ? x : beforeX)}px`;
  tip.style.top = `${Math.max(0, fitsY ? y : beforeY)}px`;
}

function say(state) {
  clearTimeout(state.saying);
  state.saying = setTimeout(() => {
    state.parts.live.textContent = state.cursor ? linesOf(state, state.cursor).join(", ") : "";
  }, 120);
}

function themeOf(element) {
  const found = getComputedStyle(element);
  const names = ["text", "ink", "chosen", "failed", "blank", "hatch", "lines", "frame"];
  return Object.fromEntries(names.map((name) => [name, found.getPropertyValue(`--heat-${name}`).trim() || "#888"]));
}
