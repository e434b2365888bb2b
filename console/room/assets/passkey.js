"use strict";
// A form with data-passkey asks the authenticator what data-options says, and sends its answer.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const says = document.querySelector("[data-passkey-says]");
    form.addEventListener("submit", (event) => {
      if (form.elements.passkey.value) { return; }
      event.preventDefault();
      if (!navigator.credentials) { says.textContent = "This browser knows no passkeys here."; return; }
      const options = JSON.parse(form.dataset.options), make = form.dataset.passkey === "create";
      options.challenge = bytes(options.challenge);
      (options.allowCredentials || []).concat(options.excludeCredentials || []).forEach((c) => { c.id = bytes(c.id); });
      if (options.user) { options.user.id = bytes(options.user.id); }
      says.textContent = "Waiting for your passkey.";
      navigator.credentials[make ? "create" : "get"]({ publicKey: options }).then((made) => {
        const from = made.response, answer = { clientDataJSON: text(from.clientDataJSON) };
        if (make) { answer.attestationObject = text(from.attestationObject); }
        else { answer.authenticatorData = text(from.authenticatorData); answer.signature = text(from.signature); }
        form.elements.passkey.value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response: answer });
        form.requestSubmit();
      }).catch((error) => {
        says.textContent = error.name === "InvalidStateError" ? "This passkey is in your list already." : "No passkey was shown. Press the button to try again.";
      });
    });
  });
})();
