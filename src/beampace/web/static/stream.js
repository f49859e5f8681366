// One stream of events per page. Others listen on document.body:
//   bp:event         every event of the ledger: {id, at, topic, beamtime, group, payload}
//   bp:<topic>       the same by topic, with "." as "-": bp:dataset-seen, bp:result, bp:recommendation
//   bp:dataset       whatever concerns a dataset: {dataset, topic, event}
//   bp:dataset-<id>  the same for one dataset
//   bp:refresh       something has happened: at most every 300 ms, and always after the last of many events
//   bp:refresh-<id>  the same for one dataset
//   bp:live          rows of frames of a look or a map under way: see docs/reference/web.md
//   bp:reopened      the stream was away and is back: whatever was missed has to be asked for
//
// The stream is read with fetch: an EventSource gives up for good after an answer that is an error, does not say
// which one, and knows only events by names told beforehand.
const root = document.documentElement;
const SHORTEST_MS = 500;
const LONGEST_MS = 5000;
const SILENCE_MS = 40000; // the server says something at least every 15 s

const REST_MS = 300;
const pending = new Map(); // name -> whether it has to be sent again

let last = Number(root.dataset.lastEvent) || 0;
let wait = SHORTEST_MS;
let away = null; // when the stream broke off
let reading = null; // ends what is being read
let resting = 0;

async function follow() {
  clearTimeout(resting);
  reading?.abort();
  const mine = (reading = new AbortController());
  const quiet = setTimeout(() => mine.abort(), SILENCE_MS);
  try {
    const answer = await fetch(`${root.dataset.base}/api/events?live=1&after=${last}`, {
      signal: mine.signal, cache: "no-store", redirect: "manual",
    });
    if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") return leave();
    if (answer.ok) {
      clearTimeout(quiet);
      opened();
      await read(answer.body.getReader(), mine);
    }
  } catch {
    // it broke off: it is asked again
  } finally {
    clearTimeout(quiet);
  }
  if (reading === mine) lost();
}

async function read(stream, mine) {
  const text = new TextDecoder();
  let rest = "";
  for (;;) {
    const silent = setTimeout(() => mine.abort(), SILENCE_MS);
    const { done, value } = await stream.read().finally(() => clearTimeout(silent));
    if (done) return;
    rest += text.decode(value, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    blocks.forEach(took);
  }
}

function took(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.data === undefined) return;
  const data = JSON.parse(fields.data);
  if (fields.event === "live" && !fields.id) send("bp:live", data);
  else event(data);
}

function event(one) {
  if (one.id <= last) return; // never twice
  last = one.id;
  root.dataset.lastEvent = String(last);
  send("bp:event", one);
  send(`bp:${one.topic.replaceAll(".", "-")}`, one);
  soon("bp:refresh");
  const dataset = one.payload?.dataset;
  if (dataset === undefined || dataset === null) return;
  const detail = { dataset, topic: one.topic, event: one };
  send("bp:dataset", detail);
  send(`bp:dataset-${dataset}`, detail);
  soon(`bp:refresh-${dataset}`);
}

function opened() {
  const since = away;
  away = null;
  wait = SHORTEST_MS;
  show("live", "live");
  if (since) send("bp:reopened", { since: since.toISOString() });
}

function lost() {
  away ??= new Date();
  const time = away.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  show("away", `reconnecting since ${time}`);
  resting = setTimeout(follow, wait * (0.75 + Math.random() / 2));
  wait = Math.min(LONGEST_MS, wait * 2);
}

function leave() {
  location.assign(`${root.dataset.base}/login`);
}

function show(state, words) {
  const place = document.getElementById("stream");
  if (!place) return;
  place.dataset.state = state;
  if (place.textContent !== words) place.textContent = words;
}

// At once, then at most every REST_MS, and once more after the last: a page that follows is never left behind.
function soon(name) {
  if (pending.has(name)) return pending.set(name, true);
  send(name);
  const next = () => {
    if (!pending.get(name)) return pending.delete(name);
    pending.set(name, false);
    send(name);
    setTimeout(next, REST_MS);
  };
  pending.set(name, false);
  setTimeout(next, REST_MS);
}

const send = (name, detail) => document.body.dispatchEvent(new CustomEvent(name, { detail }));

addEventListener("pagehide", () => {
  const mine = reading;
  reading = null;
  mine?.abort();
});
addEventListener("pageshow", (shown) => shown.persisted && follow());
addEventListener("online", () => away && follow());
follow();
