// The overlap map tells the numbers of the cell that is pointed at or walked to, and opens it.
"use strict";

(() => {
  const grouped = new Intl.NumberFormat(document.documentElement.lang);
  const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : say("none"));

  const prepare = () => {
    const box = document.querySelector("[data-overlap]");
    if (!box || box.dataset.ready) {
      return;
    }
    box.dataset.ready = "yes";
    const { tests, rows } = JSON.parse(document.getElementById("overlap-held").content.getElementById("overlap-numbers").textContent);
    const said = document.getElementById("overlap-said");
    const svg = box.querySelector("svg");
    let cell = null;

    const sharedBy = (row, column) => rows[Math.max(row, column)][Math.min(row, column)];
    const words = (row, column) => {
      const [key, name, users, isBound] = tests[row];
      const atMost = isBound || tests[column][3] ? "≤ " : "";
      if (row === column) {
        return say("overlapOne", { key, name, users: atMost + grouped.format(users) });
      }
      const [otherKey, , otherUsers] = tests[column];
      const both = sharedBy(row, column);
      return both
        ? say("overlapBoth", {
            one: key,
            other: otherKey,
            users: atMost + grouped.format(both),
            share: percent(both, users),
            othershare: percent(both, otherUsers),
          })
        : say("overlapNone", { one: key, other: otherKey });
    };
    const choose = (row, column) => {
      if (cell && cell.row === row && cell.column === column) {
        return;
      }
      cell = { row, column };
      said.textContent = words(row, column);
      const lines = [
        [svg.querySelector("[data-row]"), "y", row],
        [svg.querySelector("[data-column]"), "x", column],
      ];
      for (const [line, side, place] of lines) {
        line.setAttribute(side, place);
        line.setAttribute("visibility", "visible");
      }
    };
    const open = () => {
      if (cell && cell.row !== cell.column) {
        const address = box.dataset.pair.replace("first_key", tests[cell.row][0]).replace("second_key", tests[cell.column][0]);
        location.assign(address);
      }
    };

    const pointedAt = (event) => {
      const frame = svg.getBoundingClientRect();
      const place = (at, from, size) => Math.min(tests.length - 1, Math.max(0, Math.floor(((at - from) / size) * tests.length)));
      choose(place(event.clientY, frame.top, frame.height), place(event.clientX, frame.left, frame.width));
    };
    svg.addEventListener("pointermove", pointedAt);
    svg.addEventListener("click", (event) => {
      pointedAt(event);
      open();
    });
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        open();
      } else if (steps[event.key]) {
        event.preventDefault();
        const [down, right] = steps[event.key];
        const { row, column } = cell ?? { row: 1, column: 0 };
        const last = tests.length - 1;
        const moved = cell ? [row + down, column + right] : [row, column];
        choose(Math.min(last, Math.max(0, moved[0])), Math.min(last, Math.max(0, moved[1])));
      }
    });
  };
  prepare();
  document.addEventListener("htmx:afterSwap", prepare);
})();
