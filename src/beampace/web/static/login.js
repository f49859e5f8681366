// The token of a link is behind the `#`: browsers send it to nobody. It goes into the form, and out of the address.

const form = document.getElementById("in");

function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = token;
  form.requestSubmit();
}

addEventListener("hashchange", enter);
enter();
