// What can be asked for on the page of a dataset: processing again, and an end of work.
const at = (name) => document.getElementById(name);

export function actionsOf(root, { base, id }) {
  for (const button of root.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  at("open-again")?.addEventListener("click", () => again());
  at("again-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    process();
  });
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-cancel]");
    if (button) ask(button.dataset);
  });
  at("cancel-send")?.addEventListener("click", () => end());

  // Open the form, with the first or the last frame where one was chosen.
  function again(given = {}) {
    if (!at("again") || at("again").open) return;
    for (const [name, value] of Object.entries(given)) at("again-form").elements[name].value = value;
    at("again").showModal();
  }

  async function process() {
    const form = at("again-form");
    const send = at("again-send");
    send.disabled = true;
    faults(form, null);
    const answer = await posted("/api/reprocess", new FormData(form));
    send.disabled = false;
    if (answer.fault) return faults(form, answer.fault);
    at("again").close();
    form.reset();
    toast(queued(answer.done));
  }

  function faults(form, fault) {
    tell("again-error", fault);
    const named = (fault?.detail ?? "").split(":")[0].split(",").map((name) => name.trim());
    let first = null;
    for (const field of form.elements) {
      const wrong = Boolean(fault && field.name && named.includes(field.name));
      field.toggleAttribute("aria-invalid", wrong);
      if (wrong) field.setAttribute("aria-invalid", "true");
      if (wrong) first ??= field;
    }
    first?.focus();
  }

  function ask({ cancel, what }) {
    at("cancel").dataset.job = cancel;
    at("cancel-what").textContent = what;
    tell("cancel-error", null);
    at("cancel").showModal();
  }

  async function end() {
    const answer = await posted("/api/cancel", { job: at("cancel").dataset.job });
    if (answer.fault) return tell("cancel-error", answer.fault);
    at("cancel").close();
    toast(answer.done.words || "It is being cancelled.");
  }

  // The frames worth processing, as the look found them.
  function useful(range) {
    if (!at("again-useful")) return;
    at("again-useful").textContent = range ? `Frames ${range.first} to ${range.last} are useful, as far as they were looked at.` : "";
    if (!range) return;
    at("again-first").placeholder = String(range.first);
    at("again-last").placeholder = String(range.last);
  }

  async function posted(path, fields) {
    try {
      const answer = await fetch(`${base}${path}`, {
        method: "POST",
        body: new URLSearchParams(fields instanceof FormData ? [...fields] : fields),
        headers: { Accept: "application/json", ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") },
      });
      const said = await answer.json();
      return answer.ok ? { done: said } : { fault: said };
    } catch {
      return { fault: { words: "The server does not answer.", next_step: "Wait until the page is live again and send it once more." } };
    }
  }

  return { again, useful };
}

function queued({ words, jobs = [] }) {
  const [job] = jobs;
  if (!job) return words || "It was asked for.";
  const where = job.state === "waiting" ? `waits for its turn (${job.work_class})` : job.state === "active" ? "runs" : "has ended already";
  return [`${job.work}${job.engine ? ` with ${job.engine}` : ""} ${where}.`, words, job.forecast].filter(Boolean).join(" ");
}

function tell(name, fault) {
  const lines = fault ? [fault.words, fault.next_step].filter(Boolean) : [];
  const made = lines.map((text) => Object.assign(document.createElement("p"), { textContent: text }));
  at(name).replaceChildren(...made);
}

let fading = 0;
function toast(text) {
  clearTimeout(fading);
  at("toast").textContent = text;
  fading = setTimeout(() => (at("toast").textContent = ""), 8000);
}
