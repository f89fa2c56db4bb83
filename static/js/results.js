// The results page on paper: a button that prints it, and the day on which that is done.
"use strict";

(() => {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
  // A page that was left open for days is printed today.
  addEventListener("beforeprint", () => {
    const now = new Date();
    for (const time of document.querySelectorAll("[data-print-date] time")) {
      time.dateTime = now.toISOString();
      time.textContent = now.toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
    }
  });
})();
