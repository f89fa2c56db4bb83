// Keys: / searches, ? lists them, z shows times in UTC, g and a letter goes to a page. They can be switched off; buttons do the same.
"use strict";

(() => {
  const PATIENCE = 1500;
  const OFF = "usersplit-keys-off";
  const dialog = (id) => document.getElementById(id);
  const isOff = () => localStorage.getItem(OFF) === "1";

  const openSearch = () => {
    const search = dialog("search");
    search.showModal();
    const field = document.getElementById("search-text");
    field.focus();
    field.select();
    // What stands there was found before; pages are offered before the first word.
    htmx.trigger(search.querySelector("form"), "look");
  };
  const open = (id) => {
    const menu = document.querySelector(".us-menu[open]");
    if (menu) {
      menu.open = false;
    }
    if (id === "search") {
      openSearch();
    } else {
      dialog(id).showModal();
    }
  };

  const isTyping = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select") || element.isContentEditable;
  // What a tooltip would say, for who has no pointer: the times of the page in UTC, and back.
  const swapTimes = () => {
    const times = document.querySelectorAll("time[title][data-zoned]");
    for (const time of times) {
      [time.textContent, time.title] = [time.title, time.textContent];
    }
    document.getElementById("announcer").textContent = times[0]?.textContent ?? "";
  };

  let waiting = "";
  let timer = 0;
  const expectMore = (key) => {
    waiting = key;
    clearTimeout(timer);
    timer = setTimeout(() => {
      waiting = "";
    }, PATIENCE);
  };
  const press = (key) => {
    if (key === "/" || key === "?") {
      open(key === "/" ? "search" : "keys");
      return true;
    }
    if (key === "z" && !waiting) {
      swapTimes();
      return true;
    }
    if (key === "g" && !waiting) {
      expectMore("g");
      return true;
    }
    const link = dialog("keys").querySelector(`[data-key="${CSS.escape(waiting + key)}"]`);
    waiting = "";
    link?.click();
    return Boolean(link);
  };
  document.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1;
    if (!plain || isOff() || !dialog("keys") || isTyping(event.target) || document.querySelector("dialog[open]")) {
      return;
    }
    if (press(event.key)) {
      event.preventDefault();
    }
  });

  // Within the search: arrows walk over what was found, Enter takes the first.
  let takesFirst = false;
  const answersField = () => {
    const found = document.querySelector("#found [data-for]");
    return found !== null && found.dataset.for === document.getElementById("search-text").value.trim();
  };
  const takeFirst = () => {
    takesFirst = false;
    const first = document.querySelector("#found a");
    if (first) {
      first.click();
    }
  };
  const walk = (step) => {
    const stops = [document.getElementById("search-text"), ...document.querySelectorAll("#found a")];
    const place = stops.indexOf(document.activeElement);
    stops[(place + step + stops.length) % stops.length].focus();
  };
  const inSearch = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      walk(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      // A search field would only empty itself.
      event.preventDefault();
      dialog("search").close();
    } else if (event.key === "Enter" && event.target.id === "search-text") {
      event.preventDefault();
      if (answersField()) {
        takeFirst();
      } else {
        takesFirst = true;
      }
    } else {
      takesFirst = false;
    }
  };

  const showSwitch = () => {
    const button = document.querySelector("[data-keys-switch]");
    button.textContent = say(isOff() ? "keysOn" : "keysOff");
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (!dialog("search")) {
      return;
    }
    for (const button of document.querySelectorAll("[data-opens]")) {
      button.hidden = false;
      button.addEventListener("click", (event) => {
        event.preventDefault();
        open(button.dataset.opens);
      });
    }
    for (const one of [dialog("search"), dialog("keys")]) {
      // A click beside the box is a click on the dialog itself.
      one.addEventListener("click", (event) => {
        if (event.target === one || event.target.closest("[data-closes]")) {
          one.close();
        }
      });
    }
    dialog("search").addEventListener("keydown", inSearch);
    document.addEventListener("htmx:afterSettle", (event) => {
      if (takesFirst && event.detail.target.id === "found" && answersField()) {
        takeFirst();
      }
    });
    document.querySelector("[data-swaps-times]").addEventListener("click", () => {
      swapTimes();
      dialog("keys").close();
    });
    document.querySelector("[data-keys-switch]").addEventListener("click", () => {
      localStorage.setItem(OFF, isOff() ? "0" : "1");
      showSwitch();
    });
    showSwitch();
  });
})();
