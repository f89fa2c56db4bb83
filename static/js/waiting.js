// A request of htmx that takes longer than half a second shows that it goes on; quick ones show nothing, or pages would flicker.
"use strict";

(() => {
  const PATIENCE = 500;
  const slow = new Set();
  const bar = document.getElementById("waiting");

  if (!bar) return;
  const show = () => {
    bar.hidden = slow.size === 0;
  };

  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
    const timer = setTimeout(() => {
      slow.add(xhr);
      show();
    }, PATIENCE);
    // The request's own end: what asked may be gone by then, and no event of htmx would be heard here.
    xhr.addEventListener("loadend", () => {
      clearTimeout(timer);
      slow.delete(xhr);
      show();
    });
  });
})();
