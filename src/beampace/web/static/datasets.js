// The list of datasets: asked for again when something has happened, gone through by keys, two marked to compare.
const base = document.documentElement.dataset.base;
const by = (id) => document.getElementById(id);
const AT_ONCE_MS = 300;
const SLOWLY_MS = 2000;
const OFTEN = new Set(["dataset.files", "dataset.frames", "attempt.progress", "attempt.started"]);

let selected = 0; // number of the dataset of the selected row
const marked = new Map(); // number of a dataset -> number of the result to compare

// ---- asked for again: at once, then not too often, and always once more after the last event

let asked = -Infinity;
let due = 0;
let dueAt = Infinity;
let asking = 0; // answers awaited for the list
let again = false;

// What is due sooner stays due: frames that come all the time must not put off a result.
function refresh(rest) {
  const at = Math.max(performance.now(), asked + rest);
  if (at >= dueAt) return;
  clearTimeout(due);
  dueAt = at;
  due = setTimeout(ask, at - performance.now());
}

function ask() {
  dueAt = Infinity;
  again = asking > 0; // one answer at a time: two could overtake each other
  if (again) return;
  asked = performance.now();
  by("list").dispatchEvent(new CustomEvent("sets:refresh"));
}

const isList = ({ detail }) => detail.target?.id === "list";
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (isList(event)) asking += 1;
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (!isList(event)) return;
  asking -= 1;
  if (again && !asking) refresh(AT_ONCE_MS);
});
document.body.addEventListener("bp:dataset", ({ detail }) => refresh(OFTEN.has(detail.topic) ? SLOWLY_MS : AT_ONCE_MS));
for (const name of ["bp:reopened", "bp:beamtime-opened", "bp:beamtime-closed"]) {
  document.body.addEventListener(name, () => refresh(AT_ONCE_MS));
}
document.body.addEventListener("htmx:afterSettle", () => {
  shown();
  pictures();
});

// ---- pictures: two at once. A browser has six connections, and a page that is opened next must not wait for these

const AT_A_TIME = 2;
const wanted = new Set();
let loading = 0;
const watch = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (isIntersecting) wanted.add(target);
    else wanted.delete(target);
  }
  load();
}, { rootMargin: "200px" });

function pictures() {
  for (const image of document.querySelectorAll("img[data-src]")) {
    if (image.dataset.shown !== image.dataset.src) watch.observe(image);
  }
}

function load() {
  for (const image of wanted) {
    if (loading >= AT_A_TIME) return;
    wanted.delete(image);
    watch.unobserve(image);
    if (!image.isConnected) continue;
    loading += 1;
    image.dataset.shown = image.dataset.src;
    image.onload = image.onerror = ({ type }) => {
      image.hidden = type === "error"; // there is no picture of it, or none any more
      loading -= 1;
      load();
    };
    image.src = image.dataset.src;
  }
}

// What was loaded stays when the list is put into the page again.
const OWN = ["src", "hidden", "data-shown"];
addEventListener("DOMContentLoaded", () => {
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(node.matches("img[data-src]") && OWN.includes(name));
});
pictures();

// ---- rows

const rows = () => [...document.querySelectorAll("tr[data-dataset]")];
const row = (number) => by(`set-${number}`);

function select(number, look = true) {
  selected = number;
  shown();
  if (look) row(number)?.scrollIntoView({ block: "nearest" });
}

function shown() {
  for (const one of rows()) {
    const number = Number(one.dataset.dataset);
    if (number === selected) one.setAttribute("aria-selected", "true");
    else one.removeAttribute("aria-selected");
    one.toggleAttribute("data-marked", marked.has(number));
  }
  tell();
}

function step(by_) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((one) => Number(one.dataset.dataset) === selected);
  const to = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by_));
  select(Number(all[to].dataset.dataset));
}

function mark() {
  const result = Number(row(selected)?.dataset.result);
  if (marked.has(selected)) marked.delete(selected);
  else if (result) marked.set(selected, result);
  while (marked.size > 2) marked.delete(marked.keys().next().value);
  shown();
}

function tell() {
  const results = [...marked.values()];
  by("marked").hidden = !results.length;
  by("marked-words").textContent = results.length === 2 ? "Two are marked" : "One is marked; mark another one";
  by("marked-compare").hidden = results.length !== 2;
  if (results.length === 2) by("marked-compare").href = `${base}/compare?a=${results[0]}&b=${results[1]}`;
}

// ---- keys and clicks

const KEYS = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1), c: mark,
  Enter: () => row(selected)?.querySelector(".sets-open").click(),
  "/": () => by("search").focus(), "?": () => by("keys").showModal(),
};
addEventListener("keydown", (key) => {
  if (key.key === "Escape" && key.target.matches("input, select")) return key.target.blur();
  const typing = key.target.closest("input, select, textarea, button, dialog");
  if (key.ctrlKey || key.metaKey || key.altKey || (typing && !(key.key === "?" && typing.matches("button")))) return;
  if (key.key === "Enter" && key.target.closest("a")) return; // it opens what it leads to
  const act = KEYS[key.key];
  if (!act || (key.key === "Enter" && !selected)) return;
  key.preventDefault();
  act();
});
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-keys]")) by("keys").showModal();
  const one = target.closest("tr[data-dataset]");
  if (one && !target.closest("a")) select(Number(one.dataset.dataset), false);
});
document.addEventListener("dblclick", ({ target }) => {
  target.closest("tr[data-dataset]")?.querySelector(".sets-open").click();
});
by("marked-clear").addEventListener("click", () => {
  marked.clear();
  shown();
});
