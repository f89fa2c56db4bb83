// What takes longer than half a second shows that it goes on; quick answers show nothing, or pages would flicker. A form on its way
// is not sent a second time by an impatient press.
"use strict";

(() => {
  const PATIENCE = 500;
  // Whoever stopped a form on its way may send it again after so long.
  const NO_LONGER_ON_ITS_WAY = 20_000;
  const slow = new Set();
  const bar = document.getElementById("waiting");

  const show = () => {
    if (bar) {
      bar.hidden = slow.size === 0;
    }
  };
  const wait = (what) => {
    const timer = setTimeout(() => {
      slow.add(what);
      show();
    }, PATIENCE);
    return () => {
      clearTimeout(timer);
      slow.delete(what);
      show();
    };
  };

  // The request's own end: what asked may be gone by then, and no event of htmx would be heard here.
  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => xhr.addEventListener("loadend", wait(xhr)));

  // Forms that load the next page. A button is not disabled, or its name and value would not be sent.
  const onTheirWay = new Map();
  const letGo = (form) => {
    onTheirWay.get(form)?.();
    onTheirWay.delete(form);
  };
  document.addEventListener(
    "submit",
    (event) => {
      if (onTheirWay.has(event.target)) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    },
    { capture: true },
  );
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") {
      return;
    }
    const ended = wait(form);
    const { submitter } = event;
    const shown = setTimeout(() => submitter?.classList.add("btn-loading"), PATIENCE);
    const timer = setTimeout(() => letGo(form), NO_LONGER_ON_ITS_WAY);
    onTheirWay.set(form, () => {
      clearTimeout(shown);
      clearTimeout(timer);
      submitter?.classList.remove("btn-loading");
      ended();
    });
  });
  // "Back" brings pages as they were left.
  addEventListener("pageshow", () => [...onTheirWay.keys()].forEach(letGo));
})();
