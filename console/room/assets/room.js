"use strict";
// Live parts, the line that says when they stopped being so, and the warning before one is signed out.
(function () {
  var line = document.getElementById("connection"), live = document.querySelector("[data-stream]");
  var clock = function (d) { return d.toLocaleTimeString("en-GB"); };
  var said = "", problems = document.getElementById("problems");
  function say(text) { if (line && text !== said) { line.textContent = said = text; } }
  if (problems) { problems.focus(); }
  if (live) {
    var source = null, heard = Date.now(), fresh = new Date();
    var lost = function () {
      document.body.classList.add("stale");
      say("Connection lost. Figures are from " + clock(fresh) + ". Trying again.");
    };
    var hear = function () {
      heard = Date.now(); fresh = new Date();
      document.body.classList.remove("stale"); say("");
    };
    var close = function () { if (source) { source.close(); source = null; } };
    var open = function () {
      close();
      source = new EventSource(live.dataset.stream);
      source.addEventListener("beat", hear);
      source.addEventListener("part", function (event) {
        var at = live.contains(document.activeElement) ? document.activeElement.id : "";
        live.innerHTML = JSON.parse(event.data);
        if (at && document.getElementById(at)) { document.getElementById(at).focus(); }
        hear();
      });
      source.addEventListener("over", function () { close(); clearInterval(watch); document.body.classList.add("stale"); say("Signed out. Figures are from " + clock(fresh) + "."); });
    };
    var watch = setInterval(function () {
      if (document.hidden || Date.now() - heard < 5000) { return; }
      lost();
      if (!source || source.readyState === 2) { open(); heard = Date.now() - 4000; }
    }, 500);
    // a page that nobody sees holds no connection: browsers have six for all pages together
    document.addEventListener("visibilitychange", function () { if (document.hidden) { close(); } else { heard = Date.now(); open(); } });
    if (!document.hidden) { open(); }
  }
  var idle = Number(document.body.dataset.idle || 0);
  if (idle) {
    var ends = Date.now() + idle * 1000;
    setInterval(function () {
      var left = ends - Date.now();
      if (left <= 0) { say("You are signed out. What you wrote is still here: sign in in another tab before you send it."); return; }
      if (left > 300000 || !line || line.querySelector("button")) { return; }
      line.textContent = "In five minutes you are signed out. ";
      var stay = document.createElement("button");
      stay.type = "button"; stay.textContent = "Stay signed in";
      stay.addEventListener("click", function () {
        fetch("/room/sessions", { method: "HEAD" }).then(function (answer) { if (answer.ok && !answer.redirected) { ends = Date.now() + idle * 1000; line.textContent = said = ""; } });
      });
      line.appendChild(stay);
    }, 1000);
  }
  var replay = document.getElementById("replay");
  if (replay) {
    var frames = JSON.parse(replay.dataset.frames), slider = document.getElementById("moment"), now = replay.querySelector(".now");
    var stamps = frames.map(function (f) { return Date.parse(f.at); }), player = 0;
    var span = (stamps[stamps.length - 1] - stamps[0]) || 1;
    var show = function (n) {
      var f = frames[n];
      replay.querySelectorAll("[data-of]").forEach(function (cell) {
        var of = cell.dataset.of, value = of in f ? f[of] : f.people[of];
        cell.textContent = typeof value === "number" ? value.toLocaleString("en-GB") : value;
      });
      slider.value = n;
      slider.setAttribute("aria-valuetext", f.clock + ", " + f.state);
      if (now) { var x = 8 + (stamps[n] - stamps[0]) / span * 704; now.setAttribute("d", "M" + x + " 0V216"); }
    };
    document.getElementById("player").hidden = false;
    slider.addEventListener("input", function () { show(Number(slider.value)); });
    replay.addEventListener("click", function (event) {
      var speed = event.target.dataset.speed;
      if (speed === undefined) { return; }
      clearInterval(player);
      if (speed === "0") { return; }
      var from = Number(slider.value) >= frames.length - 1 ? 0 : Number(slider.value), began = Date.now();
      player = setInterval(function () {
        var at = stamps[from] + (Date.now() - began) * Number(speed), n = from;
        while (n + 1 < frames.length && stamps[n + 1] <= at) { n += 1; }
        show(n);
        if (n === frames.length - 1) { clearInterval(player); }
      }, 100);
    });
  }
})();
