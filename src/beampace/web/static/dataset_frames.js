// Values per frame: from the look or the map, and from the chosen result; they follow while frames come.
import { linePlot } from "./plots.js";

const HEIGHT = 240;
const PAUSE_MS = 2000;

export function framesOf(root, { base, id, actions }) {
  const at = (name) => document.getElementById(name);
  const rows = new Map(); // frame -> its values
  const plots = new Map();
  const state = { job: null, result: "", scaling: null, words: "", picture: null, best: 0, again: 0, loading: false };

  async function load() {
    if (state.loading) {
      state.missed = true;
      return;
    }
    state.loading = true;
    try {
      const answer = await fetch(`${base}/api/datasets/${id}/columns`);
      if (answer.ok) take(await answer.json());
    } catch {
      // the stream says when the server is back
    }
    setTimeout(() => {
      state.loading = false;
      if (state.missed) load();
      state.missed = false;
    }, PAUSE_MS);
  }

  function take(page) {
    begin(page.job);
    upsert(page.columns);
    state.words = page.words || "No frame was looked at so far.";
    actions.useful(page.useful_range);
    draw();
    picture(page.state === "running");
  }

  // Rows that come while the look runs.
  function follow(delta) {
    begin(delta.job);
    upsert(delta.columns);
    draw();
  }

  function begin(job) {
    if (job === state.job) return;
    rows.clear();
    state.job = job;
  }

  function upsert(columns = {}) {
    const names = Object.keys(columns).filter((name) => name !== "frame");
    (columns.frame ?? []).forEach((frame, k) => {
      const row = rows.get(frame) ?? {};
      for (const name of names) row[name] = columns[name][k];
      rows.set(frame, row);
    });
  }

  async function chosen(result) {
    if (result === state.result) return;
    state.result = result;
    try {
      const answer = result ? await fetch(`${base}/api/results/${result}`) : null;
      const page = answer?.ok ? await answer.json() : null;
      if (state.result !== result) return;
      state.scaling = page?.result?.work === "process" ? page.result.columns : null;
      draw();
    } catch {
      state.result = ""; // asked for again with the next refresh
    }
  }

  function draw() {
    const frames = [...rows.keys()].sort((a, b) => a - b);
    const of = (name) => frames.map((frame) => rows.get(frame)[name] ?? null);
    const scaling = state.scaling?.frame && (state.scaling.scale || state.scaling.r_merge) ? state.scaling : null;
    at("frame-plots").hidden = !frames.length && !scaling;
    at("frames-none").hidden = !at("frame-plots").hidden;
    at("frames-none").textContent = state.words || "Loading the values per frame.";
    at("scaling").hidden = !scaling;
    at("plot-spots").dataset.frames = String(frames.length);
    if (frames.length) {
      show("plot-spots", spec("Spots and resolution against frame", frames, [
        { label: "spots", unit: "", values: of("spots"), colour: "a", style: "points", axis: "left" },
        { label: "resolution", unit: "\u00c5", values: of("d_min"), colour: "b", style: "points", axis: "right" },
      ], { yReversed: "right", yRange: { left: [0, null] } }));
      show("plot-background", spec("Background against frame", frames, [
        { label: "background", unit: "counts/pixel", values: of("background"), colour: "c", style: "line" },
      ], { yRange: [0, null] }));
    }
    at("plot-spots").parentElement.hidden = at("plot-background").parentElement.hidden = !frames.length;
    if (scaling) show("plot-scale", spec("Scale and Rmerge against frame", [...scaling.frame], scalingSeries(scaling)));
  }

  function spec(title, frames, series, more = {}) {
    const onClick = (index) => pick(frames[index]);
    return { title, height: HEIGHT, x: { label: "frame", unit: "", values: frames }, series, onClick, empty: "No values", ...more };
  }

  function show(name, made) {
    if (plots.has(name)) plots.get(name).update(made);
    else plots.set(name, linePlot(at(name), made));
  }

  // ---- a frame that was clicked

  function pick(frame) {
    at("picked").hidden = false;
    at("picked").dataset.frame = String(frame);
    at("picked-frame").textContent = `Frame ${frame}`;
    at("picked-open").href = `${base}/datasets/${id}/frames/${frame}`;
  }
  for (const end of ["first", "last"]) {
    at(`picked-${end}`)?.addEventListener("click", () => actions.again({ [end]: at("picked").dataset.frame }));
  }

  // ---- the frame with most spots, chosen once the look is over

  async function picture(running) {
    if (at("best").hidden || (running && state.best)) return;
    const best = strongest() || 1;
    if (best === state.best) return;
    state.best = best;
    const script = await import("./pictures.js").catch(() => null); // the server may have been renewed meanwhile
    if (!script) return;
    state.picture ??= script.framePicture(at("best-picture"), { dataset: id, width: 480 });
    at("best-words").textContent = rows.size ? `Frame ${best}, the one with most spots` : `Frame ${best}`;
    await state.picture.show(best).catch(() => {}); // the picture itself says why there is none
  }

  function strongest() {
    let [best, most] = [0, -1];
    for (const [frame, { spots }] of rows) if (spots > most) [best, most] = [frame, spots];
    return best;
  }

  return { load, follow, chosen };
}

function scalingSeries(columns) {
  const made = [];
  if (columns.scale) made.push({ label: "scale", unit: "", values: [...columns.scale], colour: "a", style: "line", axis: "left" });
  if (columns.r_merge) {
    const values = columns.r_merge.map((value) => (value === null ? null : 100 * value));
    made.push({ label: "Rmerge", unit: "%", values, colour: "b", style: "line", axis: made.length ? "right" : "left" });
  }
  return made;
}
