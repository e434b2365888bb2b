"use strict";
// Writing: what is typed is kept and previewed, places are found and chosen while typing, shapes are drawn.
(() => {
  const { by, on, patch, renew, used } = window.room, form = by("compose");
  if (!form) { return; }
  const saved = by("saved"), preview = by("preview"), search = by("search"), found = by("found");
  let timer = 0, busy = false, again = 0, leaving = false, pressed = null, waits = null, failed = false, changes = [], drawn = () => {};
  function keep() {
    if (busy) { again = again || 1; return; }
    busy = true; again = 0;
    const body = new URLSearchParams(new FormData(form)), changed = changes[0];
    body.delete("search"); body.delete("postcode"); body.set("do", "keep");
    if (changed) { body.append(changed.name, changed.value); }
    fetch(form.getAttribute("action"), { method: "POST", body: body, headers: { Accept: "application/json" } }).then((answer) => {
      if ((answer.headers.get("Content-Type") || "").includes("json")) { return answer.json(); }
      // signed in again meanwhile? Then this page's form gets the new session's marks
      return (answer.status === 401 || answer.status === 403 ? renew() : Promise.resolve(false)).then((well) => {
        if (well) { again = 1000; waits = pressed; }
        throw new Error(answer.status === 401 && !well ? "you are signed out: sign in in another tab" : "the page was not understood");
      });
    }).then((told) => {
      if (told.id) { form.elements.kept.value = told.id; form.elements["kept-revision"].value = told.revision; }
      if (told.at) { history.replaceState(null, "", told.at); }
      saved.textContent = told.saved;
      patch(preview, told.preview);
      preview.classList.remove("old");
      failed = false;
      used();
      if (told.chosen && changed) {
        changes.shift();
        if (changes.length) { again = 1; }
        patch(by("chosen"), told.chosen); patch(by("branches"), told.branches);
        if (by("picked")) { by("picked").textContent = ""; }
        if (changed.name === "add") { search.value = found.textContent = ""; }
        search.focus(); drawn();
      }
    }).catch((error) => {
      const away = error instanceof TypeError;
      saved.textContent = "Not saved: " + (away ? "no connection" : error.message) + ". Your text is kept in this tab. The preview is out of date.";
      preview.classList.add("old");
      failed = true;
      if (away) { again = 1000; }
    }).then(() => {
      busy = false;
      // the preview may have come anew meanwhile, and its button with it
      const send = pressed && [...form.elements].find((e) => e === pressed || (!pressed.isConnected && e.name === pressed.name && e.value === pressed.value));
      pressed = waits; waits = null;
      if (send && !failed) { leaving = true; form.requestSubmit(send); } else if (again) { later(again); }
    });
  }
  function later(wait) { if (!leaving) { clearTimeout(timer); timer = setTimeout(keep, wait); preview.classList.add("old"); } }
  on(form, "input", (event) => { if (!["search", "skeleton", "postcode", "radius"].includes(event.target.id) && event.target.name !== "accept") { later(250); } });
  // what is not kept yet comes first: a form must not overtake its own text, nor lose it
  on(form, "submit", (event) => {
    clearTimeout(timer);
    if (!leaving && (busy || failed) && event.submitter) { event.preventDefault(); pressed = event.submitter; if (!busy) { keep(); } } else { leaving = true; }
  });
  // a place is chosen or removed where it stands, without another page
  on(form, "click", (event) => {
    const button = event.target.closest("[name=add], [name=remove]");
    if (!button || failed) { return; }
    event.preventDefault(); changes.push(button); clearTimeout(timer); keep();
  });
  let asked = 0;
  on(search, "input", () => {
    clearTimeout(asked);
    asked = setTimeout(() => {
      const q = search.value.trim();
      if (q.length < 2) { found.textContent = ""; return; }
      fetch(form.dataset.base + "/places?q=" + encodeURIComponent(q)).then((answer) => answer.ok ? answer.text() : "").then((html) => {
        if (search.value.trim() === q) { found.innerHTML = html; }
      }).catch(() => { found.textContent = "No connection: press Search."; });
    }, 200);
  });
  if (window.L) { draw(by("draw"), by("corners")); }
  if (form.elements.kept.value || form.elements["headline-0"].value) { later(0); }

  function draw(box, corners) {
    const make = (tag, text) => { const e = document.createElement(tag); e.textContent = text; return e; };
    const pane = make("div", ""), line = make("p", ""), picked = make("div", ""), paths = [];
    let open = false, current = [];
    pane.className = "drawing"; pane.setAttribute("role", "group"); pane.setAttribute("aria-label", "Map");
    line.setAttribute("role", "status"); line.className = "small";
    picked.id = "picked";
    box.append(make("p", "Or draw on the map: press “Draw a shape”, then a corner at a time. The corners are written above; by keyboard write them there."), pane, line);
    const map = L.map(pane, { attributionControl: false, zoomAnimation: false, fadeAnimation: false }).setView([51.5, -0.12], 9);
    if (box.dataset.tiles) { L.tileLayer(box.dataset.tiles).addTo(map); }
    const shown = L.layerGroup().addTo(map);
    const buttons = ["Draw a shape", "Undo a corner", "Finish the shape", "Cancel"].map((label) => {
      const b = make("button", label); b.type = "button"; b.className = "quiet"; box.append(b); return b;
    });
    box.append(picked);
    const blocks = () => corners.value.split(/\n\s*\n/).map((b) => b.trim()).filter(Boolean);
    const points = (block) => block.split("\n").map((l) => l.split(",").map(Number)).filter((p) => p.length === 2 && isFinite(p[0]) && isFinite(p[1]));
    function crossing(ring) {
      const side = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
      for (let i = 0; i < ring.length; i++) { for (let j = i + 2; j < ring.length; j++) {
        if (i === 0 && j === ring.length - 1) { continue; }
        const a = ring[i], b = ring[i + 1], c = ring[j], d = ring[(j + 1) % ring.length];
        if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) { return [i + 1, j + 1]; }
      } }
      return null;
    }
    const style = { className: "drawn", interactive: false };
    function show() {
      shown.clearLayers();
      blocks().forEach((b) => { if (b[0] !== "{") { L.polygon(points(b), style).addTo(shown); } });
      if (current.length) { L.polyline(current, style).addTo(shown); }
      current.forEach((p, n) => { L.circleMarker(p, { radius: 6, className: "corner", interactive: false }).bindTooltip(String(n + 1)).addTo(shown); });
      buttons.forEach((b, n) => { b.hidden = open === (n === 0); });
    }
    function say(text) { line.textContent = text; show(); }
    function set(is, text) { open = is; current = []; pane.classList.toggle("open", is); say(text); }
    const cancel = () => set(false, "Cancelled: nothing was drawn."), count = () => say(current.length + (current.length === 1 ? " corner." : " corners."));
    on(buttons[0], "click", () => set(true, "Press on the map for the first corner."));
    on(buttons[1], "click", () => { current.pop(); count(); });
    on(buttons[2], "click", () => {
      if (current.length < 3) { say("A shape has three corners at least; this one has " + current.length + "."); return; }
      const cross = crossing(current);
      if (cross) { say("The sides after corner " + cross[0] + " and after corner " + cross[1] + " cross: undo corners until they do not."); return; }
      corners.value = blocks().concat(current.map((p) => p[0].toFixed(5) + "," + p[1].toFixed(5)).join("\n")).join("\n\n");
      set(false, "");
      corners.dispatchEvent(new Event("input", { bubbles: true }));
      say("Drawn: its corners stand in the box above.");
    });
    on(buttons[3], "click", cancel);
    on(box, "keydown", (event) => { if (event.key === "Escape" && open) { event.preventDefault(); cancel(); } });
    map.on("click", (event) => { if (open) { current.push([event.latlng.lat, event.latlng.lng]); count(); } });
    on(corners, "input", show);
    show();
    // one tab stop for all shapes, arrows between them, Space or Enter chooses
    const name = (f) => { const n = f.properties.people; return f.properties.name + (n === null ? "" : ", " + (n === 1 ? "1 person" : n.toLocaleString("en-GB") + " people")); };
    const has = (f, where) => form.querySelector(where.replaceAll("*", '[value="' + f.properties.code + '"]'));
    const mark = (f, path) => { const on = !!has(f, "#chosen *, #branches *:checked, #picked *"); path.setAttribute("aria-pressed", String(on)); path.classList.toggle("on", on); };
    function toggle(f, path) {
      if (open) { return; }
      const have = has(f, "#picked *"), other = has(f, "#chosen button*");
      if (other) { other.click(); return; }
      if (have) { have.remove(); } else { const i = document.createElement("input"); i.type = "hidden"; i.name = "areas"; i.value = f.properties.code; picked.append(i); }
      mark(f, path);
      line.textContent = name(f) + (have ? " is no longer chosen." : " is chosen.");
      later(0);
    }
    fetch(box.dataset.borders).then((answer) => answer.json()).then((told) => {
      const boundary = L.geoJSON(told, { style: { className: "border" }, onEachFeature: (f, layer) => { layer.on("click", () => toggle(f, layer.getElement())); layer.bindTooltip(name(f)); } }).addTo(map);
      boundary.eachLayer((layer) => {
        const path = layer.getElement(), f = layer.feature, at = paths.length;
        path.setAttribute("role", "button"); path.setAttribute("aria-label", name(f)); path.setAttribute("tabindex", at ? "-1" : "0");
        mark(f, path);
        on(path, "keydown", (event) => {
          const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          if (step) { const to = paths[(at + step + paths.length) % paths.length][1]; path.setAttribute("tabindex", "-1"); to.setAttribute("tabindex", "0"); to.focus(); event.preventDefault(); event.stopPropagation(); }
          else if (event.key === " " || event.key === "Enter") { toggle(f, path); event.preventDefault(); }
        });
        paths.push([f, path]);
      });
      drawn = () => paths.forEach(([f, path]) => mark(f, path));
      if (paths.length) { map.fitBounds(boundary.getBounds()); }
      show();
    }).catch(() => { line.textContent = "The borders could not be loaded: write the corners."; });
  }
})();
