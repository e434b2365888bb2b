"use strict";
// Live parts, the line that says when they stopped being so, and the warning before one is signed out.
(() => {
  const by = (id) => document.getElementById(id), on = (of, what, act) => of.addEventListener(what, act);
  const line = by("connection"), live = document.querySelector("[data-part]"), body = document.body;
  const clock = (d) => d.toLocaleTimeString("en-GB"), problems = by("problems");
  let said = "";
  const say = (text) => { if (line && text !== said) { line.textContent = said = text; } };
  if (problems) { problems.focus(); }
  // what differs is changed where it stands: focus, marked text, open details, what is typed and
  // ticked, and scrolling stay; what has another id or address is another thing
  const key = (e) => e.id || (e.getAttribute && (e.getAttribute("href") || (e.matches("button, [type=checkbox]") && e.value))) || "";
  function become(a, b) {
    if (a.nodeName !== b.nodeName || key(a) !== key(b)) { a.replaceWith(b); return; }
    if (a.nodeType === 3) { if (a.data !== b.data) { a.data = b.data; } return; }
    for (const { name, value } of b.attributes) { if (a.getAttribute(name) !== value) { a.setAttribute(name, value); } }
    for (const { name } of [...a.attributes]) { if (name !== "open" && !b.hasAttribute(name)) { a.removeAttribute(name); } }
    const old = [...a.childNodes], now = [...b.childNodes];
    now.forEach((n, at) => { if (old[at]) { become(old[at], n); } else { a.append(n); } });
    old.slice(now.length).forEach((n) => n.remove());
  }
  function patch(at, html) {
    const focus = document.activeElement, had = at.contains(focus) && key(focus), box = at.cloneNode();
    box.innerHTML = html;
    become(at, box);
    const to = had && !at.contains(document.activeElement) && [...at.querySelectorAll("a, button, [id]")].find((e) => key(e) === had);
    if (to) { to.focus(); }
  }
  if (live) {
    const own = live.dataset.part, who = body.dataset.who, told = by("told");
    // one tab of a browser holds the stream and tells the others; a browser without locks or
    // channels has a stream for each tab
    const shared = navigator.locks && window.BroadcastChannel ? new BroadcastChannel("room " + who) : null;
    const post = (m) => { if (shared) { shared.postMessage(m); } };
    let source = null, heard = Date.now(), fresh = new Date(), leader = heard, parts = {}, free = null, queued = false, over = false, wait = 0;
    const hear = () => { heard = Date.now(); fresh = new Date(); body.classList.remove("stale"); say(""); };
    const stop = () => { clearTimeout(wait); if (source) { source.close(); source = null; } };
    const end = (text) => { over = true; leave(); body.classList.add("stale"); say(text + " Figures are from " + clock(fresh) + "."); };
    // what the stream says, to this tab and to the others
    const tell = (m) => { post(m); take(m); };
    function take(m) {
      if (over) { return; }
      if (m.want) {
        if (!free) { return; }
        if (parts[m.want]) { post({ of: m.want, html: parts[m.want] }); } else { parts[m.want] = ""; soon(50); }
        return;
      }
      leader = Date.now();
      if (m.roll && !free) { post({ want: own }); }
      else if (m.over) { end(m.over === "many" ? "You have too many pages open: close some, then load this one again." : "Signed out."); }
      else if (m.of === own) { if (m.html === null) { end("You may not see this any more."); } else { patch(live, m.html); aloud(); hear(); } }
      else if (m.beat && m.beat.includes(own)) { hear(); }
    }
    function open() {
      stop();
      const here = Object.keys(parts).slice(0, 24);
      source = new EventSource("/room/events?who=" + who + here.map((of) => "&of=" + encodeURIComponent(of)).join(""));
      on(source, "beat", () => tell({ beat: here }));
      on(source, "part", (event) => { const m = JSON.parse(event.data); parts[m.of] = m.html; tell(m); });
      on(source, "over", (event) => tell({ over: event.data || "out" }));
    }
    const soon = (ms) => { clearTimeout(wait); wait = setTimeout(open, ms); };
    // lead: ask every tab what it shows, then open one stream for all of that
    function lead() { parts = { [own]: "" }; post({ roll: 1 }); soon(50); }
    function join(steal) {
      if (!shared) { lead(); return; }
      post({ want: own });
      if (queued && !steal) { return; }
      queued = true;
      navigator.locks.request("room " + who, steal ? { steal: true } : {}, () => new Promise((done) => {
        queued = false;
        if (document.hidden || over) { done(); return; }
        free = done; lead();
      })).catch(() => { free = null; stop(); if (!document.hidden && !over) { join(); } });
    }
    // a page that nobody sees holds no connection: browsers have six for all pages together
    function leave() { stop(); if (free) { free(); free = null; } else { post({ bye: own }); } }
    if (shared) { shared.onmessage = (event) => { if (event.data.bye) { if (free) { lead(); } } else { take(event.data); } }; }
    setInterval(() => {
      if (document.hidden || over) { return; }
      const now = Date.now();
      if (free) { post({ led: 1 }); leader = now; }
      if (now - heard < 5000) { return; }
      body.classList.add("stale");
      say("Connection lost. Figures are from " + clock(fresh) + ". Trying again.");
      if (source ? source.readyState === 2 : !shared) { open(); heard = now - 4000; }
      // the tab that led does not answer: it stands still
      else if (!free && now - leader > 5000) { leader = now; join(true); }
    }, 500);
    on(document, "visibilitychange", () => {
      if (over) { return; }
      if (document.hidden) { leave(); body.classList.add("stale"); } else { heard = leader = Date.now(); join(); }
    });
    if (!document.hidden) { join(); }

    const words = (what) => [...live.querySelectorAll(what)].map((e) => e.textContent.replace(/\s+/g, " ").trim()).join(". ");
    let spoken = words("[data-say]"), state = words("[data-state]"), spoke = 0, later = 0;
    // said aloud: a change of state at once, numbers at most every 15 seconds, the last always
    function aloud() {
      const text = words("[data-say]"), is = words("[data-state]"), left = spoke + 15000 - Date.now();
      clearTimeout(later);
      if (text === spoken) { return; }
      if (is === state && left > 0) { later = setTimeout(aloud, left); return; }
      told.textContent = spoken = text; state = is; spoke = Date.now();
    }
  }
  const idle = Number(body.dataset.idle || 0);
  let ends = Date.now() + idle * 1000;
  const used = () => { ends = Date.now() + idle * 1000; };
  // who signed in again in another tab goes on here: the forms of this page get the new session's marks
  const renew = () => fetch(location.href).then((answer) => answer.ok && !answer.redirected ? answer.text() : "").then((html) => {
    const of = (form) => form.getAttribute("action") + " " + (form.elements.about || {}).value;
    for (const made of new DOMParser().parseFromString(html, "text/html").forms) {
      for (const form of document.forms) {
        if (made.elements.form && of(made) === of(form)) { ["form", "key"].forEach((name) => { form.elements[name].value = made.elements[name].value; }); }
      }
    }
    if (html) { used(); }
    return html !== "";
  });
  window.room = { by, on, patch, used, renew };
  if (idle && line) {
    const ask = (text, label, act) => {
      if (line.textContent === text + label) { return; }
      line.textContent = text;
      const button = document.createElement("button");
      button.type = "button"; button.textContent = label;
      on(button, "click", () => act().then((well) => { if (well) { used(); line.textContent = said = ""; } }));
      line.append(button);
    };
    setInterval(() => {
      const left = ends - Date.now();
      if (left <= 0) { ask("You are signed out. What you wrote is still here: sign in in another tab, then press ", "Go on", renew); }
      else if (left <= 300000) { ask("In five minutes you are signed out. ", "Stay signed in", () => fetch("/room/sessions", { method: "HEAD" }).then((answer) => answer.ok && !answer.redirected)); }
      else if (line.querySelector("button")) { line.textContent = said = ""; }
    }, 1000);
  }
  const replay = by("replay");
  if (replay) {
    const frames = JSON.parse(replay.dataset.frames), places = replay.dataset.places.split(" "), slider = by("moment"), now = replay.querySelector(".now");
    const stamps = frames.map((f) => Date.parse(f.at)), last = stamps.length - 1, span = (stamps[last] - stamps[0]) || 1;
    let player = 0;
    const show = (n) => {
      const f = frames[n];
      for (const cell of replay.querySelectorAll("[data-of]")) {
        const of = cell.dataset.of, value = of in f ? f[of] : f.people[of];
        cell.textContent = typeof value === "number" ? value.toLocaleString("en-GB") : value;
      }
      f.places.forEach((share, at) => {
        for (const of of replay.querySelectorAll('[data-place="' + places[at] + '"]')) {
          if (of.matches("path")) { of.setAttribute("fill", share ? "url(#hatch-" + Math.min(5, Math.floor(share / 20) + 1) + ")" : "none"); }
          (of.firstElementChild || of).textContent = (of.textContent.match(/^.*: /) || "") + share + " %";
        }
      });
      slider.value = n;
      slider.setAttribute("aria-valuetext", f.clock + ", " + f.state);
      if (now) { now.setAttribute("d", "M" + (8 + (stamps[n] - stamps[0]) / span * 704) + " 0V216"); }
    };
    by("player").hidden = false;
    on(slider, "input", () => show(Number(slider.value)));
    on(replay, "click", (event) => {
      const speed = event.target.dataset.speed;
      if (speed === undefined) { return; }
      clearInterval(player);
      if (speed === "0") { return; }
      const from = Number(slider.value) >= last ? 0 : Number(slider.value), began = Date.now();
      player = setInterval(() => {
        const at = stamps[from] + (Date.now() - began) * Number(speed);
        let n = from;
        while (n < last && stamps[n + 1] <= at) { n += 1; }
        show(n);
        if (n === last) { clearInterval(player); }
      }, 100);
    });
  }
})();
