// The viewer of frames: tiles of the server, zoomed and moved, with spots, predictions, rings and the beam centre.
import { COLOURS, drawSpots, frameAddress, frameInfo, loaded, words } from "./pictures.js";

const MOST_TILES = 160;
const GAINS = (value) => 2 ** Number(value);

export function frameViewer(element, options) {
  const canvas = element.querySelector("canvas");
  const context = canvas.getContext("2d");
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const state = {
    dataset: options.dataset, frame: options.frame, info: null, shown: null, tiles: new Map(), asked: new Map(),
    scale: 0, left: 0, top: 0, gain: 1, predictions: null, playing: 0, pending: 0, request: null,
    layers: { spots: true, predictions: false, rings: true, ice: false },
  };
  const ratio = () => devicePixelRatio || 1;

  async function open(frame) {
    const count = state.info?.n_frames ?? options.frames;
    const wanted = Math.min(Math.max(1, Math.round(frame) || 1), count);
    state.request?.abort();
    const mine = (state.request = new AbortController());
    state.frame = wanted;
    controls();
    try {
      const gain = state.gain;
      const drawn = loaded(`${frameAddress(state.dataset, wanted)}/picture?width=1024&gain=${gain}`, mine.signal);
      drawn.catch(() => {}); // what is wrong is said by the information, or thrown below
      const info = await frameInfo(state.dataset, wanted, mine.signal);
      if (state.request !== mine) return;
      told(info.ready ? "" : info.words || "This frame cannot be read yet.", !info.ready);
      if (!info.ready) return;
      const whole = await drawn;
      if (state.request !== mine) return;
      Object.assign(state, { info, shown: { frame: wanted, whole, gain }, predictions: null });
      element.dataset.frame = wanted;
      element.dataset.spots = info.spots.x.length;
      state.tiles.clear();
      cancelled();
      if (!state.scale) fit();
      numbers();
      if (state.layers.predictions) predict();
      draw();
      history.replaceState(null, "", `${document.documentElement.dataset.base}/datasets/${state.dataset}/frames/${wanted}`);
    } catch (error) {
      if (state.request === mine && error.name !== "AbortError") told(error.message, true);
    }
  }

  function told(text, empty) {
    part("note").textContent = text;
    part("note").hidden = !text;
    element.dataset.ready = String(!empty);
  }

  function controls() {
    part("number").value = state.frame;
    part("slider").value = state.frame;
  }

  function numbers() {
    const { info } = state;
    const angle = info.angles ? `${info.angles[0].toFixed(2)}° to ${info.angles[1].toFixed(2)}°` : "";
    const d = info.d_min ? `${info.d_min.toFixed(2)} Å` : "not estimated";
    part("facts").replaceChildren(
      ...Object.entries({
        Spots: `${info.n_spots_good} good of ${info.n_spots}`, Resolution: d,
        Background: info.background === null ? "" : `${info.background.toPrecision(2)} counts per pixel`,
        Spindle: angle, "Masked pixels": `${(100 * info.masked).toFixed(1)} %`,
        "Corner": `${Math.min(...info.corners).toFixed(2)} Å`,
        "Beam centre": info.beam_centre ? `${info.beam_centre.map((x) => x.toFixed(1)).join(", ")} px` : "not on the detector's plane",
      }).filter(([, value]) => value).flatMap(([name, value]) => {
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        term.textContent = name;
        text.textContent = value;
        return [term, text];
      }),
    );
  }

  // --- where things are: screen = left + pixel * scale, in device pixels

  function sized() {
    const wide = Math.max(1, Math.round(canvas.clientWidth * ratio()));
    const high = Math.max(1, Math.round(canvas.clientHeight * ratio()));
    if (canvas.width === wide && canvas.height === high) return;
    const fitted = state.fitted;
    canvas.width = wide;
    canvas.height = high;
    if (state.info && fitted) fit();
    draw();
  }

  function fit() {
    const [nx, ny] = state.info.size;
    state.scale = Math.min(canvas.width / nx, canvas.height / ny);
    state.left = (canvas.width - nx * state.scale) / 2;
    state.top = (canvas.height - ny * state.scale) / 2;
    state.fitted = true;
  }

  function zoom(factor, x = canvas.width / 2, y = canvas.height / 2) {
    if (!state.info) return;
    const [nx, ny] = state.info.size;
    const least = 0.5 * Math.min(canvas.width / nx, canvas.height / ny);
    const scale = Math.min(Math.max(state.scale * factor, least), 40 * ratio());
    state.left = x - ((x - state.left) * scale) / state.scale;
    state.top = y - ((y - state.top) * scale) / state.scale;
    state.scale = scale;
    state.fitted = false;
    draw();
  }

  function move(x, y) {
    const [nx, ny] = state.info.size;
    state.left = Math.min(Math.max(state.left + x, canvas.width / 2 - nx * state.scale), canvas.width / 2);
    state.top = Math.min(Math.max(state.top + y, canvas.height / 2 - ny * state.scale), canvas.height / 2);
    state.fitted = false;
    draw();
  }

  // --- drawing

  function draw() {
    if (state.pending) return;
    state.pending = requestAnimationFrame(() => {
      state.pending = 0;
      painted();
    });
  }

  function painted() {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(canvas).getPropertyValue("--frame-around") || "#888888";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!state.shown) return;
    const [nx, ny] = state.info.size;
    const { scale, left, top } = state;
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(state.shown.whole, left, top, nx * scale, ny * scale);
    if (nx * scale > state.shown.whole.width * 1.2) drawTiles();
    const place = { left, top, scale, ratio: ratio() };
    context.save();
    context.beginPath();
    context.rect(left, top, nx * scale, ny * scale);
    context.clip();
    if (state.layers.ice) state.info.ice_rings.forEach((ring) => drawRing(ring, true));
    if (state.layers.rings) state.info.rings.forEach((ring) => drawRing(ring, false));
    context.restore();
    if (state.layers.rings) drawBeam();
    if (state.layers.predictions && state.predictions) drawPredictions();
    if (state.layers.spots) drawSpots(context, state.info.spots, place);
    element.dataset.painted = `${state.shown.frame}:${state.gain}`;
  }

  function drawTiles() {
    const { info, scale, left, top, shown } = state;
    const level = Math.min(info.levels - 1, Math.max(0, Math.floor(-Math.log2(scale))));
    const side = info.tile * 2 ** level;
    const [nx, ny] = info.size;
    const first = [Math.max(0, Math.floor(-left / scale / side)), Math.max(0, Math.floor(-top / scale / side))];
    const last = [
      Math.min(Math.ceil(nx / side), Math.ceil((canvas.width - left) / scale / side)),
      Math.min(Math.ceil(ny / side), Math.ceil((canvas.height - top) / scale / side)),
    ];
    const wanted = new Set();
    for (let row = first[1]; row < last[1]; row += 1) {
      for (let column = first[0]; column < last[0]; column += 1) {
        const key = `${shown.frame}/${shown.gain}/${level}/${row}/${column}`;
        wanted.add(key);
        const tile = state.tiles.get(key);
        if (tile) {
          context.drawImage(
            tile, left + column * side * scale, top + row * side * scale,
            tile.width * 2 ** level * scale, tile.height * 2 ** level * scale,
          );
        } else if (!state.asked.has(key)) ask(key, shown, level, row, column);
      }
    }
    for (const [key, asked] of state.asked) if (!wanted.has(key)) asked.abort();
  }

  async function ask(key, shown, level, row, column) {
    const mine = new AbortController();
    state.asked.set(key, mine);
    try {
      const address = `${frameAddress(state.dataset, shown.frame)}/tiles/${level}/${row}/${column}?gain=${shown.gain}`;
      state.tiles.set(key, await loaded(address, mine.signal));
      while (state.tiles.size > MOST_TILES) state.tiles.delete(state.tiles.keys().next().value);
    } catch (error) {
      // The picture below stays; after a while the tile is asked for again when something is drawn.
      if (error.name !== "AbortError") await new Promise((done) => setTimeout(done, 2000));
    }
    state.asked.delete(key);
    draw();
  }

  function cancelled() {
    for (const asked of state.asked.values()) asked.abort();
    state.asked.clear();
  }

  function drawRing(ring, ice) {
    const { scale, left, top } = state;
    context.beginPath();
    for (const line of ring.lines) {
      line.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](left + x * scale, top + y * scale));
    }
    context.strokeStyle = ice ? "#7a4fb5" : COLOURS.ring;
    context.lineWidth = ratio();
    context.setLineDash(ice ? [] : [6 * ratio(), 5 * ratio()]);
    context.globalAlpha = ice ? 0.35 : 0.8;
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (ring.label && !ice) label(`${ring.d} Å`, left + ring.label[0] * scale, top + ring.label[1] * scale);
  }

  function label(text, x, y) {
    context.font = `600 ${13 * ratio()}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4 * ratio();
    context.lineJoin = "round";
    context.strokeStyle = "#ffffff";
    context.strokeText(text, x, y);
    context.fillStyle = "#08497a";
    context.fillText(text, x, y);
  }

  function drawBeam() {
    if (!state.info.beam_centre) return;
    const x = state.left + state.info.beam_centre[0] * state.scale;
    const y = state.top + state.info.beam_centre[1] * state.scale;
    const arm = 9 * ratio();
    context.beginPath();
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
    context.strokeStyle = "#ffffff";
    context.lineWidth = 4 * ratio();
    context.stroke();
    context.strokeStyle = COLOURS.beam;
    context.lineWidth = 2 * ratio();
    context.stroke();
  }

  function drawPredictions() {
    const { x, y, full } = state.predictions;
    const half = Math.max(4.5 * ratio(), 6 * state.scale);
    for (const whole of [false, true]) {
      context.beginPath();
      for (let i = 0; i < x.length; i += 1) {
        if (full[i] !== whole) continue;
        context.rect(state.left + x[i] * state.scale - half, state.top + y[i] * state.scale - half, 2 * half, 2 * half);
      }
      context.strokeStyle = COLOURS.predicted;
      context.lineWidth = (whole ? 1.5 : 0.75) * ratio();
      context.stroke();
    }
  }

  async function predict() {
    const result = part("result")?.value;
    const frame = state.shown?.frame;
    if (!result || !frame) return;
    try {
      const answer = await fetch(`${frameAddress(state.dataset, frame)}/predictions?result=${result}`);
      if (!answer.ok) throw new Error(await words(answer));
      const found = await answer.json();
      if (state.shown.frame !== frame) return;
      state.predictions = found;
      element.dataset.predictions = found.x.length;
      part("predicted").textContent = `${found.x.length} predicted to ${found.d_min.toFixed(2)} Å`;
    } catch (error) {
      part("predicted").textContent = error.message;
    }
    draw();
  }

  // --- resolution under the cursor: d = wavelength / (2 sin(theta))

  function readOut(event) {
    if (!state.info) return;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * ratio() - state.left) / state.scale;
    const y = ((event.clientY - box.top) * ratio() - state.top) / state.scale;
    const [nx, ny] = state.info.size;
    const on = x >= 0 && y >= 0 && x <= nx && y <= ny;
    part("cursor").textContent = on ? `x ${x.toFixed(1)}, y ${y.toFixed(1)} px · ${resolution(x, y)} Å` : "\u00a0";
  }

  function resolution(x, y) {
    const { origin, fast, slow, pixel_size: size, beam, wavelength } = state.info.geometry;
    const at = origin.map((o, i) => o + x * size[0] * fast[i] + y * size[1] * slow[i]);
    const cosine = at.reduce((sum, a, i) => sum + a * beam[i], 0) / Math.hypot(...at);
    const sine = Math.sqrt(Math.max(0, (1 - cosine) / 2));
    const d = wavelength / (2 * sine);
    return Number.isFinite(d) ? (d < 10 ? d.toFixed(2) : d.toFixed(0)) : "∞";
  }

  // --- controls

  function setGain(exponent) {
    const slider = part("contrast");
    slider.value = Math.min(Math.max(exponent, Number(slider.min)), Number(slider.max));
    state.gain = GAINS(slider.value);
    clearTimeout(state.settling);
    state.settling = setTimeout(() => open(state.frame), 150);
  }

  function layer(name, on = !state.layers[name]) {
    state.layers[name] = on;
    const box = element.querySelector(`[data-layer="${name}"]`);
    if (box) box.checked = on;
    if (name === "predictions" && on && !state.predictions) predict();
    draw();
  }

  async function play() {
    if (state.playing) return stop();
    const mine = (state.playing = state.playing + 1 || 1);
    part("play").setAttribute("aria-pressed", "true");
    part("play").textContent = "Stop";
    while (state.playing === mine && state.frame < (state.info?.n_frames ?? options.frames)) {
      const began = performance.now();
      await open(state.frame + 1);
      if (element.dataset.ready === "false") break;
      await new Promise((done) => setTimeout(done, Math.max(30, 200 - (performance.now() - began))));
    }
    if (state.playing === mine) stop();
  }

  function stop() {
    state.playing = 0;
    part("play").setAttribute("aria-pressed", "false");
    part("play").textContent = "Play";
  }

  const keys = {
    ArrowLeft: () => open(state.frame - 1), ArrowRight: () => open(state.frame + 1),
    PageUp: () => open(state.frame - 10), PageDown: () => open(state.frame + 10),
    Home: () => open(1), End: () => open(state.info?.n_frames ?? options.frames),
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4),
    0: () => state.info && (fit(), draw()), s: () => layer("spots"), p: () => layer("predictions"),
    r: () => layer("rings"), i: () => layer("ice"), " ": play,
    "[": () => setGain(Number(part("contrast").value) - 0.5), "]": () => setGain(Number(part("contrast").value) + 0.5),
    "?": () => part("keys").showModal(),
  };
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog, a")) return;
    if (event.key === " " && event.target.closest("button, input")) return;
    event.preventDefault();
    keys[event.key]();
  };
  document.addEventListener("keydown", onKey);
  part("previous").addEventListener("click", () => open(state.frame - 1));
  part("next").addEventListener("click", () => open(state.frame + 1));
  part("play").addEventListener("click", play);
  part("in").addEventListener("click", () => zoom(1.6));
  part("out").addEventListener("click", () => zoom(1 / 1.6));
  part("fit").addEventListener("click", () => state.info && (fit(), draw()));
  part("help").addEventListener("click", () => part("keys").showModal());
  part("number").addEventListener("change", (event) => open(Number(event.target.value)));
  part("slider").addEventListener("input", (event) => open(Number(event.target.value)));
  part("contrast").addEventListener("input", (event) => setGain(Number(event.target.value)));
  part("result")?.addEventListener("change", () => {
    state.predictions = null;
    layer("predictions", true);
  });
  for (const box of element.querySelectorAll("[data-layer]")) {
    box.addEventListener("change", () => layer(box.dataset.layer, box.checked));
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(2 ** (-event.deltaY / 300), (event.clientX - box.left) * ratio(), (event.clientY - box.top) * ratio());
  }, { passive: false });

  // --- one pointer moves, two zoom
  const pointers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  canvas.addEventListener("pointermove", (event) => {
    readOut(event);
    const before = pointers.get(event.pointerId);
    if (!before || !state.info) return;
    const now = [event.clientX, event.clientY];
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (!other) return move((now[0] - before[0]) * ratio(), (now[1] - before[1]) * ratio());
    const far = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
    const box = canvas.getBoundingClientRect();
    const middle = [0, 1].map((i) => (now[i] + other[i]) / 2 - (i ? box.top : box.left));
    zoom(far(now) / Math.max(1, far(before)), middle[0] * ratio(), middle[1] * ratio());
    move(((now[0] - before[0]) / 2) * ratio(), ((now[1] - before[1]) / 2) * ratio());
  });
  for (const ends of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(ends, (event) => pointers.delete(event.pointerId));
  }
  const sizes = new ResizeObserver(sized);
  sizes.observe(canvas);
  const again = () => element.dataset.ready === "false" && !state.playing && open(state.frame);
  const topics = [`bp:refresh-${options.dataset}`, "bp:reopened"];
  for (const topic of topics) document.body.addEventListener(topic, again);
  sized();
  open(options.frame);
  return {
    show: open,
    destroy() {
      state.request?.abort();
      cancelled();
      sizes.disconnect();
      document.removeEventListener("keydown", onKey);
      for (const topic of topics) document.body.removeEventListener(topic, again);
    },
  };
}

const place = document.getElementById("viewer");
if (place) {
  const { dataset, frame, frames } = place.dataset;
  frameViewer(place, { dataset: Number(dataset), frame: Number(frame), frames: Number(frames) });
}
