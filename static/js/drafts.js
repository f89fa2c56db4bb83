// What is typed into a form is kept in this tab until it is saved: a reload, an error or a session that ends loses nothing.
"use strict";

(() => {
  const PREFIX = "draft:";
  const SHOWN_IN_NOTICE = { hour: "2-digit", minute: "2-digit" };
  const person = () => document.body.dataset.person ?? "";
  const isRefusal = () => !person() || document.querySelector("[data-refused]") !== null;
  // The address of the form, and what that address was asked for: settings from older ones are another form.
  const keyOf = (form) => {
    const action = new URL(form.action);
    const search = action.pathname === location.pathname ? location.search : "";
    return `${PREFIX}${person()}:${action.pathname}${search}`;
  };
  const read = (key) => {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const write = (key, draft) => {
    try {
      sessionStorage.setItem(key, JSON.stringify(draft));
    } catch {
      // A form too large for the browser's storage is kept by the page alone.
    }
  };
  const all = () => Object.keys(sessionStorage).filter((key) => key.startsWith(`${PREFIX}${person()}:`));

  // Secrets are not kept, nor what belongs to one page only.
  const isKept = (form, name) =>
    name !== "csrfmiddlewaretoken" && form.querySelector(`[type=password][name="${CSS.escape(name)}"], [data-secret][name="${CSS.escape(name)}"]`) === null;
  const entriesOf = (form) =>
    [...new FormData(form)].filter(([name, value]) => typeof value === "string" && isKept(form, name)).map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]);
  const visible = (form, entries) => {
    const hidden = new Set([...form.elements].filter((field) => field.type === "hidden").map((field) => field.name));
    return entries
      .filter(([name]) => !hidden.has(name))
      .map(([name, value]) => JSON.stringify([name, value.trim()]))
      .sort()
      .join();
  };

  // Forms that the server is drawing anew with what was typed: they are empty, and must not be kept in its place.
  const placeholders = new WeakSet();
  const keep = (form, more = {}) => {
    if (placeholders.has(form)) {
      return;
    }
    const title = form.dataset.guard || document.querySelector("h1")?.textContent.trim() || document.title;
    write(keyOf(form), { entries: entriesOf(form), page: location.pathname, title, at: Date.now(), ...more });
  };
  let due = null;
  const keepNow = () => {
    if (due) {
      clearTimeout(due.timer);
      const { form } = due;
      due = null;
      if (form.isConnected) {
        keep(form);
      }
    }
  };
  const keepSoon = (form) => {
    clearTimeout(due?.timer);
    due = { form, timer: setTimeout(keepNow, 250) };
  };
  const forget = (key) => {
    clearTimeout(due?.timer);
    due = null;
    sessionStorage.removeItem(key);
    document.dispatchEvent(new Event("draft-forgotten"));
  };

  const guarded = (element) => element?.closest?.("form[data-guard]");
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = guarded(event.target);
      // Fields without a name narrow a list on the page.
      if (form && event.target.name) {
        keepSoon(form);
      }
    });
  }
  addEventListener("pagehide", keepNow);
  // Sent, and not a button of the editor: it is saved when a page comes that is neither a refusal nor this form.
  document.addEventListener("submit", (event) => {
    const form = guarded(event.target);
    if (form && event.submitter?.name !== "op") {
      keepNow();
      keep(form, { sent: true });
    }
    // The same form on its second way, after signing in again.
    for (const key of event.target.matches("[data-sends-again]") ? all() : []) {
      if (key.endsWith(`:${new URL(event.target.action).pathname}`)) {
        write(key, { ...read(key), sent: true });
      }
    }
  });
  // Who cancels may still be asked and stay: then the next letter keeps it again.
  document.addEventListener("click", (event) => {
    const form = event.target.closest?.("[data-discard]") && guarded(event.target);
    if (form && read(keyOf(form))) {
      keepNow();
      keep(form, { sent: true });
    }
  });

  // A form sent by htmx: gone from an answer that is no refusal, it is saved; still there, it was changed or refused.
  const sentBy = new WeakMap();
  document.addEventListener("htmx:beforeSend", (event) => {
    const form = guarded(event.detail.elt);
    if (form) {
      keepNow();
      sentBy.set(event.detail.xhr, keyOf(form));
    }
  });
  const answered = (event) => {
    const key = sentBy.get(event.detail.xhr);
    const draft = key && read(key);
    const sender = event.detail.requestConfig.elt;
    const isButton = sender.name === "op";
    // A part that comes while the form is already on its way, such as the count, makes it no draft again.
    if (!key || (!draft && !isButton) || (draft?.sent && !sender.matches("form, button"))) {
      return;
    }
    const form = [...document.querySelectorAll("form[data-guard]")].find((one) => keyOf(one) === key);
    if (form) {
      keep(form);
    } else if (event.detail.successful && draft.sent) {
      forget(key);
    } else {
      write(key, { ...draft, sent: false });
    }
  };
  document.addEventListener("htmx:afterSwap", answered);
  document.addEventListener("htmx:sendError", answered);
  document.addEventListener("htmx:responseError", answered);

  const notice = (before, words, actions) => {
    const box = document.createElement("div");
    box.className = "alert alert-info us-draft";
    box.setAttribute("role", "status");
    const text = document.createElement("div");
    text.textContent = words;
    box.append(text, ...actions);
    before.before(box);
    return box;
  };
  const button = (label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn btn-sm";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  };
  // A test's page also offers what was typed on the pages below it.
  const isBelow = (action) => location.pathname.split("/").length > 3 && action.startsWith(location.pathname);
  const when = (draft) => new Date(draft.at).toLocaleTimeString(document.documentElement.lang, SHOWN_IN_NOTICE);

  const fill = (form, entries) => {
    const values = new Map();
    for (const [name, value] of entries) {
      values.set(name, [...(values.get(name) ?? []), value]);
    }
    for (const field of form.elements) {
      if (!field.name || !isKept(form, field.name) || /submit|button|fieldset/.test(field.type)) {
        continue;
      }
      const its = values.get(field.name) ?? [];
      if (/checkbox|radio/.test(field.type)) {
        field.checked = its.includes(field.value);
      } else if (field instanceof HTMLSelectElement && field.multiple) {
        for (const option of field.options) {
          option.selected = its.includes(option.value);
        }
      } else if (its.length) {
        field.value = its.shift();
      }
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const restore = (form, key, draft) => {
    const box = notice(form, say("draftBack", { time: when(draft) }), [
      button(say("draftAfresh"), () => {
        forget(key);
        location.reload();
      }),
    ]);
    if (form.dataset.redraws) {
      // Rows come and go in this form: the server draws it as it was.
      const values = new FormData();
      for (const [name, value] of [...draft.entries, ["op", form.dataset.redraws]]) {
        values.append(name, value);
      }
      placeholders.add(form);
      // Should the answer never come, this form is all there is, and what is typed into it counts again.
      const over = () => placeholders.delete(form);
      window.htmx.ajax("POST", form.action, { values, target: `#${form.id}`, swap: "outerHTML" }).then(over, over);
    } else {
      fill(form, draft.entries);
    }
    return box;
  };

  const prepare = (root, isWholePage) => {
    if (isRefusal()) {
      for (const key of Object.keys(sessionStorage).filter((one) => one.startsWith(PREFIX))) {
        write(key, { ...read(key), sent: false });
      }
      return;
    }
    const forms = [...root.querySelectorAll("form[data-guard]")];
    for (const form of forms) {
      const key = keyOf(form);
      const draft = read(key);
      if (!draft) {
        continue;
      }
      if ("typed" in form.dataset || visible(form, draft.entries) === visible(form, entriesOf(form))) {
        // The server sent back what was typed, perhaps based on something newer, and says what is wrong with it.
        keep(form);
      } else {
        restore(form, key, draft);
      }
    }
    if (!isWholePage) {
      return;
    }
    const shown = new Set(forms.map(keyOf));
    for (const key of all().filter((one) => !shown.has(one))) {
      const draft = read(key);
      const action = key.slice(`${PREFIX}${person()}:`.length);
      if (draft?.sent) {
        sessionStorage.removeItem(key);
      } else if (draft?.page === location.pathname || isBelow(action)) {
        const link = document.createElement("a");
        link.className = "btn btn-sm";
        link.href = action;
        link.textContent = say("draftGoOn");
        const box = notice(document.getElementById("messages"), say("draftKept", { name: draft.title, time: when(draft) }), [
          link,
          button(say("draftDrop"), () => {
            forget(key);
            box.remove();
          }),
        ]);
      }
    }
  };
  document.addEventListener("DOMContentLoaded", () => prepare(document, true));
  document.addEventListener("htmx:afterSettle", (event) => {
    // A form that a button brought onto the page; one that was on it already has been looked after above.
    if (event.detail.requestConfig?.verb === "get") {
      prepare(document.getElementById(event.detail.target.id) ?? document, false);
    }
  });
  // Signing in again changes the token that forms carry; pages that were open keep the old one. The cookie has the present one.
  const token = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  document.addEventListener("htmx:configRequest", (event) => {
    const present = token();
    if (present) {
      event.detail.headers["X-CSRFToken"] = present;
      if (event.detail.parameters.csrfmiddlewaretoken) {
        event.detail.parameters.csrfmiddlewaretoken = present;
      }
    }
  });
  document.addEventListener(
    "submit",
    (event) => {
      const field = event.target.elements?.csrfmiddlewaretoken;
      const present = token();
      if (field && present) {
        field.value = present;
      }
    },
    { capture: true },
  );
})();
