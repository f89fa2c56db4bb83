// The test list: all of a page chosen at once, how many are, and the view that is kept is the one that is seen.
"use strict";

(() => {
  const results = document.getElementById("results");
  const boxes = () => [...results.querySelectorAll('input[name="test"]')];

  const prepare = () => {
    const all = results.querySelector("[data-choose-all]");
    if (all) {
      all.hidden = boxes().length === 0;
    }
    const query = results.querySelector("[data-the-query]");
    const kept = document.querySelector("[data-query]");
    if (query && kept) {
      kept.value = query.value;
    }
  };

  const count = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    const all = results.querySelector("[data-choose-all]");
    all.checked = chosen > 0 && chosen === boxes().length;
    all.indeterminate = chosen > 0 && !all.checked;
    const said = results.querySelector("[data-chosen]");
    said.textContent = chosen === 0 ? said.dataset.none : said.dataset.some.replace("%n", chosen);
  };

  results.addEventListener("change", (event) => {
    if (event.target.matches("[data-choose-all]")) {
      for (const box of boxes()) {
        box.checked = event.target.checked;
      }
    }
    if (event.target.matches('[data-choose-all], input[name="test"]')) {
      count();
    }
  });
  document.addEventListener("htmx:afterSwap", prepare);
  prepare();
})();
