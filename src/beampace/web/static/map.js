// The page of a map: heat maps, crystals, the frame of a cell; live while it fills.
import { copyButtons } from "./copy.js";
import { heatMap, SCORES } from "./heatmap.js";
import { number } from "./values.js";

const root = document.getElementById("map");
const base = document.documentElement.dataset.base;
const dataset = Number(root.dataset.dataset);
const at = (id) => document.getElementById(id);
const state = { page: null, maps: [], picture: null, shown: null, wanted: null };

if ("none" in root.dataset) waitForOne();
else start();

function start() {
  copyButtons(root);
  const grids = JSON.parse(root.dataset.grids);
  (grids.length ? grids : [null]).forEach((grid, index) => addMap(index, grid));
  let waiting = 0;
  const later = () => {
    waiting ||= setTimeout(() => {
      waiting = 0;
      load();
    }, 300);
  };
  document.body.addEventListener("bp:live", (event) => follow(event.detail, later));
  document.body.addEventListener(`bp:dataset-${dataset}`, later);
  document.body.addEventListener("bp:reopened", later);
  load();
}

// There is no map yet: as soon as there is one, the page is made anew.
function waitForOne() {
  document.body.addEventListener("bp:live", ({ detail }) => {
    if (detail.dataset === dataset && detail.work === "map") location.reload();
  });
  document.body.addEventListener(`bp:dataset-${dataset}`, async () => {
    if ((await fetch(`${base}/api/datasets/${dataset}/map`)).ok) location.reload();
  });
}

async function load() {
  let answer;
  try {
    answer = await fetch(`${base}/api/datasets/${dataset}/map`, { headers: { Accept: "application/json" } });
  } catch {
    return; // the stream says when the server is back
  }
  if (answer.ok) show(await answer.json());
  else if (!state.page) at("map-verdict").textContent = (await answer.json()).detail ?? "There is no map yet.";
}

function show(page) {
  state.page = page;
  const { map, verdict, order } = page;
  at("map-verdict").textContent = verdict.words;
  at("map-verdict").dataset.tone = verdict.tone;
  at("map-step").textContent = verdict.next_step;
  map.maps.forEach((part, index) => {
    addMap(index, part.grid);
    state.maps[index].heat.update(part);
  });
  crystals(map.maps);
  positions(map);
  words([...(map.maps.length > 1 ? order.map((text, k) => `Grid ${k + 1}: ${text}`) : order)], map.warnings);
  root.dataset.state = map.state;
}

// New rows of the map that runs: the first grid, which is the one the job began with.
function follow(delta, later) {
  if (delta.dataset !== dataset || delta.work !== "map") return;
  if (!state.page || (delta.job !== state.page.job && delta.state === "running")) return later();
  if (delta.job !== state.page.job) return;
  const part = state.page.map.maps[0];
  if (!part) return later();
  state.maps[0].heat.update(delta);
  if (delta.crystals) {
    part.crystals = delta.crystals;
    crystals(state.page.map.maps);
  }
  if (delta.frames && delta.state === "running") {
    const done = delta.frames.analysed + delta.frames.failed;
    at("map-verdict").textContent = `Being mapped: ${done} of ${delta.frames.announced} frames.`;
  }
  if (delta.state !== "running") later();
}

function addMap(index, grid) {
  if (state.maps[index]) return;
  const holder = document.createElement("section");
  const title = document.createElement("h2");
  const element = document.createElement("div");
  title.className = "map-title";
  holder.append(title, element);
  at("map-grids").append(holder);
  const heat = heatMap(element, {
    title: index ? `Grid ${index + 1}` : "Heat map",
    height: 560,
    grid,
    score: root.dataset.score,
    onCell: ({ frame }) => frameOf(index, frame),
    onCrystal: (rank) => mark(index, rank),
  });
  state.maps[index] = { heat, title };
  if (index) state.maps.forEach((one, k) => (one.title.textContent = `Grid ${k + 1}`));
}

// ---- crystals

function crystals(parts) {
  const found = parts.some((part) => part.crystals.length > 0);
  const table = found ? tableOf(["", "Centre", "", "Size", "Peak", "Best frame"]) : null;
  parts.forEach((part, index) => {
    if (found && parts.length > 1) table.body.append(headRow(`Grid ${index + 1}`));
    for (const one of part.crystals) table.body.append(crystalRow(part, index, one));
  });
  keepFocus(at("map-crystals"), found ? table.table : quiet("No crystal found so far."));
}

function crystalRow(part, index, one) {
  const row = document.createElement("tr");
  row.dataset.crystal = `${index}-${one.rank}`;
  const button = document.createElement("button");
  button.className = "map-rank";
  button.dataset.key = row.dataset.crystal;
  button.textContent = one.rank;
  button.setAttribute("aria-label", `Crystal ${one.rank}: show frame ${one.best_frame}`);
  const centre = lines(pair(one.centre_um, "\u00b5m"), counted(one.centre));
  const size = lines(sizes(one.extent_um, "\u00b5m"), sizes(one.extent, "cells"));
  const peak = SCORES[state.page.map.score]?.text(one.peak) ?? number(one.peak, 4);
  const position = one.centre_um ? one.centre_um : one.centre;
  const copy = copyButton(`crystal ${one.rank}`, position, one.centre_um ? "\u00b5m" : "cells");
  row.append(...[button, centre, copy, size, peak, String(one.best_frame)].map(cell));
  const light = (on) => () => {
    state.maps[index].heat.highlight(on ? one.rank : null);
    row.toggleAttribute("data-lit", on);
  };
  row.addEventListener("mouseenter", light(true));
  row.addEventListener("mouseleave", light(false));
  row.addEventListener("focusin", light(true));
  row.addEventListener("focusout", light(false));
  row.addEventListener("click", (event) => {
    if (event.target.closest("[data-copy]")) return;
    state.maps[index].heat.choose(...one.best_cell);
    frameOf(index, one.best_frame);
  });
  return row;
}

function mark(index, rank) {
  for (const row of root.querySelectorAll("[data-crystal]")) {
    row.toggleAttribute("data-lit", row.dataset.crystal === `${index}-${rank}`);
  }
  state.maps[index].heat.highlight(rank);
}

function positions({ positions: found, shared_axis: shared }) {
  if (!found) return at("map-positions").replaceChildren();
  const title = document.createElement("h2");
  title.textContent = "In three dimensions";
  const note = quiet(
    `x runs along the ${shared === "rows" ? "columns of cells" : "rows"} both grids share, y across it in grid 1, z in grid 2.`,
  );
  const table = tableOf(["", "x", "y", "z", "Size", "Peak", ""]);
  const unit = found.every((one) => one.centre_um) ? "\u00b5m" : "cells";
  for (const one of found) {
    const row = document.createElement("tr");
    const where = one.centre_um ?? one.centre;
    const values = where.map((value) => `${value.toFixed(1)} ${unit}`);
    const copy = copyButton(`position ${one.rank}`, where, unit);
    row.append(...[String(one.rank), ...values, sizes(one.extent, "cells"), number(one.peak, 4), copy].map(cell));
    table.body.append(row);
  }
  if (found.length === 0) return at("map-positions").replaceChildren(title, quiet("No crystal is seen in both grids."));
  keepFocus(at("map-positions"), title, note, table.table);
}

// ---- the frame of a cell

function frameOf(index, frame) {
  const id = state.page?.datasets[index];
  if (!id) return;
  const viewer = at("map-viewer");
  viewer.href = `${base}/datasets/${id}/frames/${frame}`;
  viewer.hidden = false;
  at("map-frame").textContent = state.maps.length > 1 ? `${frame} of grid ${index + 1}` : String(frame);
  picture(id, frame);
}

// The script of pictures is fetched with the first one: a map is there without it.
async function picture(id, frame) {
  const mine = (state.wanted = { id, frame });
  const script = await import("./pictures.js").catch(() => null); // the server may have been renewed meanwhile
  if (state.wanted !== mine) return;
  if (!script) return at("map-picture").replaceChildren(quiet("The picture cannot be shown: load this page anew."));
  if (state.shown !== id) {
    state.picture?.destroy();
    state.picture = script.framePicture(at("map-picture"), { dataset: id, width: 640 });
    state.shown = id;
  }
  try {
    await state.picture.show(frame);
  } catch (error) {
    if (state.wanted === mine) noPicture(error.message);
  }
}

// Not the picture of another frame, but why there is none.
function noPicture(text) {
  state.picture.destroy();
  [state.picture, state.shown] = [null, null];
  at("map-picture").replaceChildren(quiet(text));
}

// ---- small things

function words(order, warnings) {
  const items = [...warnings.map((text) => ["warning", text]), ...order.map((text) => ["plain", text])];
  const made = items.map(([tone, text]) => {
    const item = document.createElement("li");
    item.dataset.tone = tone;
    item.textContent = text;
    return item;
  });
  at("map-words").replaceChildren(...made);
}

function tableOf(names) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of names) {
    const found = document.createElement("th");
    found.scope = "col";
    found.textContent = name;
    head.append(found);
  }
  return { table, body: table.createTBody() };
}

function headRow(text) {
  const row = document.createElement("tr");
  const found = document.createElement("th");
  found.colSpan = 6;
  found.scope = "rowgroup";
  found.textContent = text;
  row.append(found);
  return row;
}

function cell(content) {
  const found = document.createElement("td");
  found.append(content);
  return found;
}

function lines(...texts) {
  const found = document.createDocumentFragment();
  for (const text of texts.filter(Boolean)) {
    const line = document.createElement("div");
    line.textContent = text;
    found.append(line);
  }
  return found;
}

function copyButton(what, values, unit) {
  const button = document.createElement("button");
  button.className = "map-copy";
  button.dataset.copy = values.map((value) => Number(value.toFixed(3))).join(", ");
  button.dataset.key = `copy ${what}`;
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy the position of ${what} in ${unit}`);
  return button;
}

function quiet(text) {
  const found = document.createElement("p");
  found.className = "map-quiet";
  found.textContent = text;
  return found;
}

// Exchange what an element holds without taking the focus away from a button that stays.
function keepFocus(element, ...made) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...made);
  if (key !== undefined) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const pair = (values, unit) => values && `${values.map((v) => v.toFixed(1)).join(", ")} ${unit}`;
// Cells as people count them: the middle of the first one is 1.
const counted = ([column, row]) => `column ${(column + 0.5).toFixed(1)}, row ${(row + 0.5).toFixed(1)}`;
const sizes = (values, unit) => values && `${values.map((v) => Number(v.toFixed(1))).join(" \u00d7 ")} ${unit}`;
