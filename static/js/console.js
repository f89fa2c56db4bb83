// What the pages do better with scripts than without; all of it works without them too.
"use strict";

(() => {
  const announce = (text) => {
    document.getElementById("announcer").textContent = text;
  };

  const slug = (text) =>
    text
      .normalize("NFKD")
      .toLowerCase()
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^[^a-z]+|_+$/g, "")
      .slice(0, 64);

  // A key is suggested from the name until somebody types one.
  const suggestKeys = (root) => {
    for (const source of root.querySelectorAll("[data-suggests]")) {
      const target = document.getElementById(source.dataset.suggests);
      if (!target) {
        continue;
      }
      let suggested = target.value === "" ? "" : null;
      source.addEventListener("input", () => {
        if (suggested === target.value) {
          suggested = target.value = slug(source.value);
        }
      });
    }
  };

  const showCopyButtons = (root) => {
    if (!navigator.clipboard) {
      return;
    }
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.onclick = async () => {
        await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
        announce(say("copied"));
        button.classList.add("us-copied");
        setTimeout(() => button.classList.remove("us-copied"), 1500);
      };
    }
  };

  // Long lists of boxes get a field that narrows them.
  const narrowLists = (root) => {
    for (const list of root.querySelectorAll("[data-checklist]")) {
      const rows = [...list.querySelectorAll("label")];
      if (rows.length < 12 || list.previousElementSibling?.matches(".us-narrower")) {
        continue;
      }
      const field = document.createElement("input");
      field.type = "search";
      field.className = "form-control form-control-sm us-narrower";
      field.placeholder = say("find");
      field.setAttribute("aria-label", say("findInList"));
      field.addEventListener("input", (event) => {
        event.stopPropagation();
        const wanted = field.value.trim().toLowerCase();
        for (const row of rows) {
          row.hidden = !row.textContent.toLowerCase().includes(wanted);
        }
      });
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
        }
      });
      list.before(field);
    }
  };

  // A proposal is taken by ticking the same value in the form's own list.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-ticks]");
    const boxes = [...(button?.closest("form")?.elements ?? [])];
    const box = boxes.find((one) => one.type === "checkbox" && one.name === button.dataset.ticks && one.value === button.value);
    if (box) {
      box.checked = true;
      box.dispatchEvent(new Event("input", { bubbles: true }));
      button.disabled = true;
      announce(say("isTicked", { name: button.textContent.trim() }));
    }
  });

  // Who takes back a question is at the button again that asked it; on a page of its own the link leads back.
  document.addEventListener("click", (event) => {
    const address = event.target.closest("[data-takes-back]")?.dataset.takesBack;
    const asked = document.querySelector(`#verbs a[href="${address}"]`);
    if (address && asked && asked.pathname !== location.pathname) {
      event.preventDefault();
      document.getElementById("question").replaceChildren();
      asked.focus();
    }
  });

  // Leaving a form with something typed asks first.
  let unsaved = false;
  document.addEventListener("input", (event) => {
    if (event.target.closest("form[data-guard]")) {
      unsaved = true;
    }
  });
  document.addEventListener("submit", (event) => {
    unsaved = unsaved && event.submitter?.name === "op";
  });
  // What was compared no longer holds once the settings change; the choice itself and the reason are not part of it.
  document.addEventListener("input", (event) => {
    const note = document.querySelector("[data-no-longer]");
    if (note && event.target.closest("#editor") && !["draw", "message"].includes(event.target.name)) {
      note.hidden = false;
    }
  });
  for (const name of ["draft-forgotten", "draft-kept"]) {
    document.addEventListener(name, () => {
      unsaved = false;
    });
  }
  addEventListener("beforeunload", (event) => {
    if (unsaved) {
      event.preventDefault();
    }
  });

  // What is done when the answer to a request has taken its place; never, if it is not swapped in.
  const whenSettled = new WeakMap();
  const onceSettled = (event, act) => {
    const { xhr } = event.detail;
    whenSettled.set(xhr, [...(whenSettled.get(xhr) ?? []), act]);
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    const acts = whenSettled.get(event.detail.xhr) ?? [];
    whenSettled.delete(event.detail.xhr);
    for (const act of acts) {
      act();
    }
  });

  // What somebody changes while the editor is on its way to the server and back is put into the form that comes.
  const keyOf = (field, fields) => {
    const twins = fields.filter((other) => other.name === field.name);
    return `${field.name} ${/checkbox|radio/.test(field.type) ? field.value : twins.indexOf(field)}`;
  };
  const stateOf = (form) => {
    const fields = [...form.elements].filter((field) => field.name && !/hidden|submit|button|fieldset/.test(field.type));
    return new Map(
      fields.map((field) => [keyOf(field, fields), { field, state: /checkbox|radio/.test(field.type) ? field.checked : field.value }]),
    );
  };
  const sent = new WeakMap();
  document.addEventListener("htmx:beforeSend", (event) => {
    if (event.detail.target.id === "editor") {
      sent.set(event.detail.xhr, stateOf(event.detail.target));
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const before = sent.get(event.detail.xhr);
    if (!before) {
      return;
    }
    const moved = !["refresh", "compare"].includes(event.detail.requestConfig.parameters.op);
    const changed = [...stateOf(event.detail.target)].filter(
      ([key, { state }]) => before.has(key) && before.get(key).state !== state && !(moved && /^[cvt]\./.test(key)),
    );
    if (changed.length) {
      onceSettled(event, () => putBack(changed));
    }
  });
  const putBack = (changed) => {
    const now = stateOf(document.getElementById("editor"));
    for (const [key, { state }] of changed) {
      const field = now.get(key)?.field;
      if (field && /checkbox|radio/.test(field.type)) {
        field.checked = state;
      } else if (field) {
        field.value = state;
      }
      field?.dispatchEvent(new Event("input", { bubbles: true }));
      field?.dispatchEvent(new Event("change", { bubbles: true }));
    }
  };

  // Whoever is at a field or button that comes anew from the server stays at it. Whoever left a list with the Tab key goes on to
  // what follows it then, such as the comparisons of the filter that was picked.
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const focusable = (form) => [...form.querySelectorAll(FOCUSABLE)].filter((one) => one.tabIndex >= 0 && one.checkVisibility());
  let left = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = event.detail.target;
    const here = document.activeElement;
    if (form.id !== "editor" || !form.contains(here)) {
      return;
    }
    const goesOn = left?.next === here ? left.list : "";
    left = null;
    const { id, name = "", value } = here;
    const part = here.closest("fieldset[id]")?.id;
    const isSame = (one) => (id ? one.id === id : name && one.name === name && (!/submit|button|checkbox|radio/.test(one.type ?? "") || one.value === value));
    const stay = () => {
      const form = document.getElementById("editor");
      const list = goesOn && document.getElementById(goesOn);
      if (list) {
        const fields = focusable(form);
        fields[fields.indexOf(list) + 1]?.focus();
      } else if (document.activeElement === document.body) {
        // What was pressed may have gone with its row: then it goes on with the first field of the same part.
        const fields = focusable(form);
        const first = fields.find((one) => part && one.matches("textarea, input, select") && one.closest(`#${part}`));
        (fields.find(isSame) ?? first)?.focus({ preventScroll: true });
      }
    };
    onceSettled(event, stay);
  });

  // A list is told by `chosen` what was picked in it. Who types the name of an option is not disturbed in the middle of the
  // word: the fields that come from the server would take the next letter for the first of another name.
  const LETTERS_BELONG_TOGETHER = 1000;
  let typing = { list: null, timer: 0, picked: false };
  const isList = (element) => element instanceof HTMLSelectElement && element.getAttribute("hx-trigger") === "chosen";
  const finishTyping = () => {
    const { list, timer, picked } = typing;
    clearTimeout(timer);
    typing = { list: null, timer: 0, picked: false };
    if (picked && list.isConnected) {
      list.dispatchEvent(new Event("chosen"));
    }
  };
  document.addEventListener("keydown", (event) => {
    if (!isList(event.target)) {
      return;
    }
    if (event.key.length > 1 || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Tab" && !event.shiftKey && typing.picked) {
        const list = event.target.id;
        setTimeout(() => {
          left = { list, next: document.activeElement };
        });
      }
      finishTyping();
      return;
    }
    clearTimeout(typing.timer);
    typing = {
      list: event.target,
      timer: setTimeout(finishTyping, LETTERS_BELONG_TOGETHER),
      picked: typing.list === event.target && typing.picked,
    };
  });
  document.addEventListener("focusout", (event) => {
    if (event.target === typing.list) {
      finishTyping();
    }
  });
  document.addEventListener("change", (event) => {
    if (!isList(event.target)) {
      return;
    }
    if (event.target === typing.list) {
      typing.picked = true;
    } else {
      event.target.dispatchEvent(new Event("chosen"));
    }
  });

  // What refreshes by itself waits while nobody looks, or while somebody is in the middle of it with the keyboard; what was
  // unfolded stays so.
  const unfolded = new WeakMap();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part.matches("[data-gently]") && (document.hidden || part.querySelector(":focus-visible"))) {
      event.preventDefault();
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.elt.matches?.("[data-gently]")) {
      const details = [...event.detail.elt.querySelectorAll("details[id]")];
      unfolded.set(event.detail.xhr, new Map(details.map((one) => [one.id, one.open])));
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const [id, open] of unfolded.get(event.detail.xhr) ?? []) {
      const details = document.getElementById(id);
      if (details) {
        details.open = open;
      }
    }
  });

  // The way back to the whole list is there while something is filtered; the address says what.
  const showWayBack = () => {
    const isFiltered = [...new URLSearchParams(location.search).values()].some(Boolean);
    for (const link of document.querySelectorAll("[data-shown-when-filtered]")) {
      link.hidden = !isFiltered;
    }
  };
  document.addEventListener("htmx:pushedIntoHistory", showWayBack);
  document.addEventListener("htmx:historyRestore", showWayBack);

  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector(".us-menu[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  const closeMenu = (event) => {
    const menu = document.querySelector(".us-menu[open]");
    const now = event.type === "focusout" ? event.relatedTarget : event.target;
    if (menu && now instanceof Node && !menu.contains(now)) {
      menu.open = false;
    }
  };
  document.addEventListener("pointerdown", closeMenu);
  document.addEventListener("focusout", closeMenu);

  // Who does not see that a list has changed hears what it holds now.
  const holds = (list) => {
    const said = list.querySelector(".empty") ?? list.querySelector(".us-tabs [aria-current]");
    return said ? said.textContent.replace(/\s+/g, " ").trim() : say("rows", { number: list.querySelectorAll("tbody tr").length });
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.requestConfig.elt.matches(".us-filter-form")) {
      announce(say("listed", { what: holds(event.detail.target) }));
    }
  });

  // The server writes times on these clocks, for who chose no others: from the next page on.
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = /(?:^|; )tz=([^;]+)/.exec(document.cookie)?.[1];
  if (own && told !== own) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `tz=${own}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // Of 400 time zones most people want their own: the one that they chose, else the browser's.
  const nameOwnZone = (root) => {
    for (const list of root.querySelectorAll("select[data-own-zone]")) {
      const name = list.dataset.ownZone || own;
      const option = [...list.options].find((one) => one.value === name);
      if (option && name !== "UTC") {
        option.value = name;
        option.text = say("ownZone", { name: option.text });
        list.options[0].after(option);
      }
    }
  };

  const prepare = (root) => {
    nameOwnZone(root);
    suggestKeys(root);
    showCopyButtons(root);
    narrowLists(root);
  };
  document.addEventListener("DOMContentLoaded", () => prepare(document));
  // Once the buttons below have taken their place.
  addEventListener("load", () => document.querySelector(".us-sidebar [aria-current]")?.scrollIntoView({ block: "nearest" }));
  document.addEventListener("htmx:afterSwap", (event) => prepare(event.detail.target.isConnected ? event.detail.target : document));
})();
