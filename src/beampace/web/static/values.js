// Small things that plots and maps share.

// A number with so many significant digits, without zeros that say nothing.
export function number(value, digits) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = Math.abs(value) >= 1e15 ? value.toExponential(2) : Number(value.toPrecision(digits)).toString();
  return text.replace("-", "\u2212");
}

// A style sheet of this directory, once per page: a module brings its own looks along. `late` is called when its
// colours can be read, unless they can be already.
export function styled(name, late) {
  const address = new URL(name, import.meta.url).href;
  let link = [...document.querySelectorAll("link[rel=stylesheet]")].find((one) => one.href === address);
  if (link?.sheet) return;
  if (!link) {
    link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    document.head.append(link);
  }
  link.addEventListener("load", late, { once: true });
}
