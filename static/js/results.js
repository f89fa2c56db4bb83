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
      const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
      // In the form of all days of the page, whatever stands between year, month and day.
      time.textContent = time.textContent.replace(/\d+/g, (old) => String(day.shift()).padStart(old.length, "0"));
      time.removeAttribute("title");
      time.dateTime = now.toISOString();
    }
  });
})();
