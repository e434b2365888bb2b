"use strict";
// A form with data-passkey asks the authenticator what data-options says, and sends its answer.
(function () {
  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/")), data = new Uint8Array(plain.length);
    for (var i = 0; i < plain.length; i += 1) { data[i] = plain.charCodeAt(i); }
    return data;
  }
  function text(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (b) { plain += String.fromCharCode(b); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    var says = document.querySelector("[data-passkey-says]");
    form.addEventListener("submit", function (event) {
      if (form.elements.passkey.value) { return; }
      event.preventDefault();
      if (!navigator.credentials) { says.textContent = "This browser knows no passkeys here."; return; }
      var options = JSON.parse(form.dataset.options), make = form.dataset.passkey === "create";
      options.challenge = bytes(options.challenge);
      (options.allowCredentials || []).concat(options.excludeCredentials || []).forEach(function (c) { c.id = bytes(c.id); });
      if (options.user) { options.user.id = bytes(options.user.id); }
      says.textContent = "Waiting for your passkey.";
      navigator.credentials[make ? "create" : "get"]({ publicKey: options }).then(function (made) {
        var from = made.response, answer = { clientDataJSON: text(from.clientDataJSON) };
        if (make) { answer.attestationObject = text(from.attestationObject); }
        else { answer.authenticatorData = text(from.authenticatorData); answer.signature = text(from.signature); }
        form.elements.passkey.value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response: answer });
        form.requestSubmit();
      }).catch(function (error) {
        says.textContent = error.name === "InvalidStateError" ? "This passkey is in your list already." : "No passkey was shown. Press the button to try again.";
      });
    });
  });
})();
