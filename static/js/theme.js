// Loaded before the first paint, so that nobody sees the other theme flash by.
"use strict";

// What scripts say stands on every page, in its language: say("isTicked", { name: "shop" }).
const say = (key, values = {}) =>
  (document.getElementById("words")?.dataset[key] ?? "").replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);

(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1];

  const apply = () => {
    root.dataset.bsTheme = chosen() ?? (system.matches ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);

  const next = { auto: "light", light: "dark", dark: "auto" };
  const names = { auto: "themeAuto", light: "themeLight", dark: "themeDark" };

  const choose = (theme) => {
    const age = theme === "auto" ? 0 : 31536000;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    apply();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const buttons = document.querySelectorAll("[data-theme-toggle]");
    const label = () => {
      for (const button of buttons) {
        button.querySelector("[data-theme-name]").textContent = say(names[chosen() ?? "auto"]);
      }
    };
    for (const button of buttons) {
      button.hidden = false;
      button.addEventListener("click", () => {
        choose(next[chosen() ?? "auto"]);
        label();
      });
    }
    label();
  });
})();
