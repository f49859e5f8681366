// Copy buttons: every element with data-copy puts that text on the clipboard, and says so for a moment.

export function copyButtons(root) {
  const live = document.createElement("div");
  live.className = "copy-live";
  live.setAttribute("aria-live", "polite");
  root.append(live);
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.stopPropagation();
    const done = await copied(button.dataset.copy);
    live.textContent = done ? `Copied: ${button.dataset.copy}` : "It could not be copied";
    button.dataset.copied = done ? "yes" : "no";
    setTimeout(() => delete button.dataset.copied, 1500);
  });
}

// Away from https there is no clipboard for scripts; the old way still works from within a click.
async function copied(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // not allowed: the old way is tried
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "copy-live";
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}
