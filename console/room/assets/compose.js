"use strict";
// Writing: what is typed is kept and previewed, places are found while typing, shapes are drawn.
(function () {
  var form = document.getElementById("compose");
  if (!form) { return; }
  var by = function (id) { return document.getElementById(id); };
  var saved = by("saved"), preview = by("preview"), timer = 0, busy = false, again = false, leaving = false, pressed = null;
  var out = function (text) { saved.textContent = text; preview.classList.add("old"); };
  function keep() {
    if (busy) { again = true; return; }
    busy = true; again = false;
    var body = new URLSearchParams(new FormData(form));
    body.delete("search"); body.delete("postcode"); body.set("do", "keep");
    fetch(form.getAttribute("action"), { method: "POST", body: body, headers: { Accept: "application/json" } }).then(function (answer) {
      var json = (answer.headers.get("Content-Type") || "").indexOf("json") >= 0;
      if (!json) { throw new Error(answer.status === 401 ? "you are signed out: sign in in another tab" : "the page was not understood: press Save draft"); }
      return answer.json();
    }).then(function (told) {
      if (told.id) { form.elements.kept.value = told.id; form.elements["kept-revision"].value = told.revision; }
      if (told.at) { history.replaceState(null, "", told.at); }
      saved.textContent = told.saved;
      preview.innerHTML = told.preview;
      preview.classList.remove("old");
    }).catch(function (error) {
      out("Not saved: " + (error instanceof TypeError ? "no connection" : error.message) + ". Your text is kept in this tab. The preview is out of date.");
      again = again || error instanceof TypeError;
    }).then(function () { busy = false; if (pressed) { form.requestSubmit(pressed); } else if (again) { later(1000); } });
  }
  function later(wait) { if (!leaving) { clearTimeout(timer); timer = setTimeout(keep, wait); preview.classList.add("old"); } }
  form.addEventListener("input", function (event) { if (["search", "skeleton", "postcode", "radius"].indexOf(event.target.id) < 0) { later(250); } });
  // what is being kept at this moment comes first: a form must not overtake its own text
  form.addEventListener("submit", function (event) {
    leaving = true; clearTimeout(timer);
    if (busy && event.submitter && !pressed) { event.preventDefault(); pressed = event.submitter; }
  });
  var search = by("search"), found = by("found"), asked = 0;
  search.addEventListener("input", function () {
    clearTimeout(asked);
    asked = setTimeout(function () {
      var q = search.value.trim();
      if (q.length < 2) { found.textContent = ""; return; }
      fetch(form.dataset.base + "/places?q=" + encodeURIComponent(q)).then(function (answer) { return answer.ok ? answer.text() : ""; }).then(function (html) {
        if (search.value.trim() === q) { found.innerHTML = html; }
      }).catch(function () { found.textContent = "No connection: press Search."; });
    }, 200);
  });
  if (window.L) { draw(by("draw"), by("corners"), later); }
  if (form.elements.kept.value || form.elements["headline-0"].value) { later(0); }

  function draw(box, corners, changed) {
    var make = function (tag, text) { var e = document.createElement(tag); e.textContent = text; return e; };
    var pane = make("div", ""), line = make("p", ""), open = false;
    pane.className = "drawing"; pane.setAttribute("role", "group"); pane.setAttribute("aria-label", "Map");
    line.setAttribute("role", "status"); line.className = "small";
    box.append(make("p", "Or draw on the map: press “Draw a shape”, then a corner at a time. The corners are written above; by keyboard write them there."), pane, line);
    var map = L.map(pane, { attributionControl: false, zoomAnimation: false, fadeAnimation: false }).setView([51.5, -0.12], 9);
    var shown = L.layerGroup().addTo(map), paths = [], boundary;
    var buttons = ["Draw a shape", "Undo a corner", "Finish the shape", "Cancel"].map(function (label) {
      var b = make("button", label); b.type = "button"; b.className = "quiet"; box.appendChild(b); return b;
    });
    var blocks = function () { return corners.value.split(/\n\s*\n/).map(function (b) { return b.trim(); }).filter(Boolean); };
    var points = function (block) {
      return block.split("\n").map(function (l) { return l.split(",").map(Number); }).filter(function (p) { return p.length === 2 && isFinite(p[0]) && isFinite(p[1]); });
    };
    var current = [];
    function crossing(ring) {
      var side = function (a, b, c) { return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]); };
      for (var i = 0; i < ring.length; i++) { for (var j = i + 2; j < ring.length; j++) {
        if (i === 0 && j === ring.length - 1) { continue; }
        var a = ring[i], b = ring[i + 1], c = ring[j], d = ring[(j + 1) % ring.length];
        if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) { return [i + 1, j + 1]; }
      } }
      return null;
    }
    function show() {
      shown.clearLayers();
      blocks().forEach(function (b) { if (b[0] !== "{") { L.polygon(points(b), { className: "drawn", interactive: false }).addTo(shown); } });
      if (current.length) { L.polyline(current, { className: "drawn", interactive: false }).addTo(shown); }
      current.forEach(function (p, n) { L.circleMarker(p, { radius: 6, className: "corner", interactive: false }).bindTooltip(String(n + 1)).addTo(shown); });
      buttons[0].hidden = open; buttons.slice(1).forEach(function (b) { b.hidden = !open; });
    }
    function say(text) { line.textContent = text; show(); }
    function cancel() { open = false; current = []; pane.classList.remove("open"); say("Cancelled: nothing was drawn."); }
    buttons[0].addEventListener("click", function () { open = true; current = []; pane.classList.add("open"); say("Press on the map for the first corner."); });
    buttons[1].addEventListener("click", function () { current.pop(); say(current.length + " corners."); });
    buttons[2].addEventListener("click", function () {
      if (current.length < 3) { say("A shape has three corners at least; this one has " + current.length + "."); return; }
      var cross = crossing(current);
      if (cross) { say("The sides after corner " + cross[0] + " and after corner " + cross[1] + " cross: undo corners until they do not."); return; }
      corners.value = blocks().concat(current.map(function (p) { return p[0].toFixed(5) + "," + p[1].toFixed(5); }).join("\n")).join("\n\n");
      open = false; current = []; pane.classList.remove("open");
      corners.dispatchEvent(new Event("input", { bubbles: true }));
      say("Drawn: its corners stand in the box above.");
    });
    buttons[3].addEventListener("click", cancel);
    box.addEventListener("keydown", function (event) { if (event.key === "Escape" && open) { event.preventDefault(); cancel(); } });
    map.on("click", function (event) { if (open) { current.push([event.latlng.lat, event.latlng.lng]); say(current.length + (current.length === 1 ? " corner." : " corners.")); } });
    corners.addEventListener("input", show);
    show();
    // one tab stop for all shapes, arrows between them, Space or Enter chooses
    function name(f) { var n = f.properties.people; return f.properties.name + (n === null ? "" : ", " + (n === 1 ? "1 person" : n.toLocaleString("en-GB") + " people")); }
    function chosen(code) { return !!form.querySelector('#chosen input[value="' + code + '"]') || !!form.querySelector('#tree input[value="' + code + '"]:checked') || !!form.querySelector('#picked input[value="' + code + '"]'); }
    function toggle(f, path) {
      if (open) { return; }
      var code = f.properties.code, have = form.querySelector('#picked input[value="' + code + '"]'), other = form.querySelector('#chosen button[value="' + code + '"]');
      if (other) { other.click(); return; }
      if (have) { have.remove(); } else { var i = document.createElement("input"); i.type = "hidden"; i.name = "areas"; i.value = code; by("picked").appendChild(i); }
      path.setAttribute("aria-pressed", String(!have)); path.classList.toggle("on", !have);
      line.textContent = name(f) + (have ? " is no longer chosen." : " is chosen.");
      changed(0);
    }
    var picked = make("div", ""); picked.id = "picked"; box.appendChild(picked);
    fetch(box.dataset.borders).then(function (answer) { return answer.json(); }).then(function (told) {
      boundary = L.geoJSON(told, { style: { className: "border" }, onEachFeature: function (f, layer) { layer.on("click", function () { toggle(f, layer.getElement()); }); layer.bindTooltip(name(f)); } }).addTo(map);
      boundary.eachLayer(function (layer) {
        var path = layer.getElement(), f = layer.feature, at = paths.length;
        path.setAttribute("role", "button"); path.setAttribute("aria-label", name(f));
        path.setAttribute("aria-pressed", String(chosen(f.properties.code))); path.setAttribute("tabindex", at ? "-1" : "0");
        path.classList.toggle("on", chosen(f.properties.code));
        path.addEventListener("keydown", function (event) {
          var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          if (step) { var to = paths[(at + step + paths.length) % paths.length]; path.setAttribute("tabindex", "-1"); to.setAttribute("tabindex", "0"); to.focus(); event.preventDefault(); event.stopPropagation(); }
          else if (event.key === " " || event.key === "Enter") { toggle(f, path); event.preventDefault(); }
        });
        paths.push(path);
      });
      if (paths.length) { map.fitBounds(boundary.getBounds()); }
      show();
    }).catch(function () { line.textContent = "The borders could not be loaded: write the corners."; });
  }
})();
