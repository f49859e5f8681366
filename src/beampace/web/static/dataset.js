// The page of a dataset: its parts are taken anew when something happened, plots only get new numbers.
import { framesOf } from "./dataset_frames.js";
import { actionsOf } from "./dataset_actions.js";
import { shellsOf } from "./dataset_shells.js";

const root = document.getElementById("dataset");
const base = document.documentElement.dataset.base;
const id = Number(root.dataset.dataset);
const at = (name) => document.getElementById(name);
const picked = []; // results ticked to be compared, the oldest tick first
const state = { asked: root.dataset.asked, loading: null };

const actions = actionsOf(root, { base, id });
const shells = shellsOf({ base });
const frames = framesOf(root, { base, id, actions });

shells.show(at("chosen").dataset);
frames.load();
frames.chosen(at("chosen").dataset.result);
document.body.addEventListener(`bp:refresh-${id}`, refresh);
document.body.addEventListener("bp:reopened", refresh);
document.body.addEventListener("bp:live", ({ detail }) => detail.dataset === id && frames.follow(detail));
addEventListener("popstate", () => choose(new URLSearchParams(location.search).get("result") ?? ""));

// ---- parts that change

async function refresh() {
  const mine = (state.loading = {});
  try {
    const answer = await fetch(`${base}/datasets/${id}${state.asked ? `?result=${state.asked}` : ""}`, {
      headers: { Accept: "text/html" },
    });
    if (!answer.ok) return;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (state.loading === mine) takeOver(made);
  } catch {
    // the stream says when the server is back
  }
}

function takeOver(made) {
  for (const part of root.querySelectorAll("[data-part]")) {
    const next = made.getElementById(part.id);
    if (next) Idiomorph.morph(part, next, { morphStyle: "outerHTML", callbacks: { beforeAttributeUpdated: stays } });
  }
  at("best").hidden = made.getElementById("best").hidden;
  showPicked();
  const chosen = at("chosen").dataset;
  shells.show(chosen);
  frames.chosen(chosen.result);
  frames.load();
}

// What the viewer opened or ticked stays so.
function stays(name, element) {
  return !(name === "open" && element.tagName === "DETAILS") && !(name === "checked" && element.dataset.compare);
}

// ---- choosing a result, and two to compare

root.addEventListener("click", (event) => {
  const link = event.target.closest("[data-choose]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  choose(link.dataset.choose);
});

function choose(result) {
  state.asked = result;
  refresh();
}

root.addEventListener("change", ({ target }) => {
  const result = target.dataset?.compare;
  if (!result) return;
  const place = picked.indexOf(result);
  if (place >= 0) picked.splice(place, 1);
  if (target.checked) picked.push(result);
  while (picked.length > 2) picked.shift();
  showPicked();
});

function showPicked() {
  const there = new Map([...root.querySelectorAll("[data-compare]")].map((box) => [box.dataset.compare, box]));
  picked.splice(0, picked.length, ...picked.filter((result) => there.has(result)));
  there.forEach((box, result) => (box.checked = picked.includes(result)));
  at("compare").disabled = picked.length !== 2;
  const words = ["Tick two to compare them", "Tick one more to compare", "Two are ticked"][picked.length];
  if (at("compare-words").textContent !== words) at("compare-words").textContent = words;
}

at("compare").addEventListener("click", () => {
  if (picked.length === 2) location.assign(`${base}/compare?a=${picked[0]}&b=${picked[1]}`);
});

// ---- keys

const KEYS = {
  r: () => actions.again(),
  f: () => follow("Frames"),
  m: () => follow("Map"),
  d: () => downloads(),
  b: () => location.assign(`${base}/datasets`),
  "?": () => at("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const wanted = KEYS[event.key];
  if (!wanted) return;
  event.preventDefault();
  wanted();
});
at("open-keys").addEventListener("click", KEYS["?"]);

function follow(name) {
  const link = root.querySelector(`[data-link="${name}"]`);
  if (link) location.assign(link.href);
}

function downloads() {
  at("downloads")?.scrollIntoView({ block: "start" });
  (at("downloads")?.querySelector("a") ?? at("downloads"))?.focus();
}
