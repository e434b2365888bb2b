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
})();
