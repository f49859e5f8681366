// framePicture(element, {dataset, frame, width}) -> {show(frame), spots(on), destroy()}: the server's picture of a
// frame with its spots drawn over it. The next picture is loaded before it is shown: nothing flickers or moves.
const base = document.documentElement.dataset.base;

export const frameAddress = (dataset, frame) => `${base}/api/datasets/${dataset}/frames/${frame}`;

export async function frameInfo(dataset, frame, signal) {
  return (await asked(frameAddress(dataset, frame), signal)).json();
}

// A server that is busy, as when its drawing processes start, says when to ask again.
const TIMES = 5;

async function asked(address, signal) {
  for (let left = TIMES; ; left -= 1) {
    const answer = await fetch(address, { signal });
    if (answer.ok) return answer;
    const wait = answer.status === 503 && left > 1 ? Number(answer.headers.get("Retry-After")) : 0;
    if (!wait) throw new Error(await words(answer));
    await new Promise((go) => setTimeout(go, 1000 * wait));
    signal?.throwIfAborted();
  }
}

export async function words(answer) {
  try {
    return (await answer.json()).words;
  } catch {
    return `The server answers ${answer.status}.`;
  }
}

export function styled() {
  const address = new URL("frames.css", import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === address)) return;
  if (document.querySelector("link[data-frames]")) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  link.dataset.frames = "";
  document.head.append(link);
}

export function framePicture(element, options) {
  styled();
  const { dataset, width = 640 } = options;
  element.classList.add("frame-picture");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  const note = document.createElement("p");
  note.className = "frame-note";
  note.textContent = "Loading the picture";
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.className = "frame-toggle";
  toggle.textContent = "Spots";
  element.replaceChildren(canvas, note, toggle);
  const state = { image: null, info: null, spots: true, frame: 0, asked: null };

  async function show(frame) {
    state.asked?.abort();
    const mine = (state.asked = new AbortController());
    try {
      const [info, image] = await Promise.all([
        frameInfo(dataset, frame, mine.signal),
        loaded(`${frameAddress(dataset, frame)}/picture?width=${width}`, mine.signal),
      ]);
      if (state.asked !== mine) return;
      Object.assign(state, { image, info, frame });
      note.textContent = "";
      draw();
    } catch (error) {
      if (state.asked !== mine || error.name === "AbortError") return;
      if (!state.image) note.textContent = error.message;
      throw error;
    }
  }

  function draw() {
    const { image, info } = state;
    if (!image) return;
    const ratio = devicePixelRatio || 1;
    const wide = Math.max(1, Math.round(element.clientWidth * ratio));
    const high = Math.max(1, Math.round(element.clientHeight * ratio));
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    const [nx, ny] = info.size;
    const scale = Math.min(wide / nx, high / ny);
    const left = (wide - nx * scale) / 2;
    const top = (high - ny * scale) / 2;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, wide, high);
    context.drawImage(image, left, top, nx * scale, ny * scale);
    if (state.spots) drawSpots(context, info.spots, { left, top, scale, ratio });
    canvas.setAttribute("aria-label", `Frame ${info.frame} of ${info.n_frames}: ${info.n_spots_good} good spots`);
    element.dataset.frame = info.frame;
    element.dataset.spots = info.spots.x.length;
    toggle.setAttribute("aria-pressed", String(state.spots));
  }

  toggle.addEventListener("click", () => {
    state.spots = !state.spots;
    draw();
  });
  const sizes = new ResizeObserver(draw);
  sizes.observe(element);
  if (options.frame) show(options.frame).catch(() => {});
  return {
    show,
    spots(on) {
      state.spots = on;
      draw();
    },
    destroy() {
      state.asked?.abort();
      state.asked = null;
      sizes.disconnect();
      element.replaceChildren();
      element.classList.remove("frame-picture");
    },
  };
}

export async function loaded(address, signal) {
  return createImageBitmap(await (await asked(address, signal)).blob());
}

export const COLOURS = { good: "#d01c6b", weak: "#b06a00", ice: "#0a66a8", predicted: "#00785a", ring: "#0a66a8", beam: "#b3261e" };

// Circles: good ones solid, weak ones thin, those in rings of ice in blue.
export function drawSpots(context, spots, { left, top, scale, ratio }) {
  const radius = Math.max(3.5 * ratio, 5 * scale);
  for (const kind of ["weak", "ice", "good"]) {
    context.beginPath();
    context.strokeStyle = COLOURS[kind];
    context.lineWidth = (kind === "good" ? 1.25 : 0.75) * ratio;
    for (let i = 0; i < spots.x.length; i += 1) {
      if ((spots.ice[i] ? "ice" : spots.good[i] ? "good" : "weak") !== kind) continue;
      const x = left + spots.x[i] * scale;
      const y = top + spots.y[i] * scale;
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.stroke();
  }
}
