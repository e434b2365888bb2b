addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, typed = form.code.value.toUpperCase().replace(/[^0-9A-Z]/g, "");
  const page = form.dataset.codes + typed + "/";
  let status = 0;
  if (typed) try { status = (await fetch(page, {method: "HEAD"})).status; } catch {}
  location = !typed ? form.action : status === 404 ? form.dataset.none : page;
});
