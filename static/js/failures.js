// What was asked for and did not come is said where the person looks: a card offers to try again, everything else is told at the
// window's top until the same part succeeds or somebody closes it.
"use strict";

(() => {
  const messages = document.getElementById("messages");
  // Parts that came into the page empty and load by themselves; what refreshes later keeps what it shows.
  const emptyPlace = (part) => {
    const place = part.matches?.("[data-lazy]") ? part : part.querySelector?.("[data-lazy]");
    return place?.closest("[hx-get]") === part ? place : null;
  };

  let toldOf = null;
  const tell = (part, ...words) => {
    const place = document.createElement("div");
    place.className = "toast-container position-fixed top-0 start-50 translate-middle-x p-3";
    place.dataset.told = "";
    const alert = document.createElement("div");
    alert.className = "alert alert-danger alert-dismissible bg-surface shadow mb-0 pe-auto";
    alert.setAttribute("role", "alert");
    alert.append(...words);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", say("close"));
    close.addEventListener("click", () => place.remove());
    alert.append(close);
    place.append(alert);
    document.querySelector("[data-told]")?.remove();
    messages.append(place);
    toldOf = part;
  };

  const loadAgain = async (part) => {
    await htmx.ajax("GET", part.getAttribute("hx-get"), { source: part });
    const loaded = document.getElementById(part.id);
    if (loaded && document.activeElement === document.body) {
      loaded.tabIndex = -1;
      loaded.focus({ preventScroll: true });
    }
  };
  const offerAgain = (part, place) => {
    const note = document.createElement("p");
    note.className = "mb-2";
    note.setAttribute("role", "alert");
    note.textContent = say("notLoaded");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-sm";
    again.textContent = say("again");
    again.addEventListener("click", () => loadAgain(part));
    place.replaceChildren(note, again);
  };

  const failed = (words) => (event) => {
    const { elt: part, triggeringEvent } = event.detail.requestConfig;
    // What asks again every few seconds by itself tells once, also when it was read and closed.
    if (!triggeringEvent && part === toldOf) {
      return;
    }
    const place = emptyPlace(part);
    if (place) {
      offerAgain(part, place);
    } else {
      tell(part, say(words));
    }
  };
  document.addEventListener("htmx:responseError", failed("notDone"));
  document.addEventListener("htmx:sendError", failed("unreachable"));
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    const isDone = xhr.status < 400 && !xhr.getResponseHeader("HX-Redirect");
    if (isDone && (requestConfig.elt === toldOf || !toldOf?.isConnected)) {
      toldOf = null;
      document.querySelector("[data-told]")?.remove();
    }
  });

  // A refusal is never put in the place of what somebody typed, and an answer that is not ours nowhere.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = event;
    if (detail.xhr.status < 400 || !detail.shouldSwap) {
      return;
    }
    if (!detail.xhr.getResponseHeader("X-Request-ID")) {
      detail.shouldSwap = false;
      detail.isError = true;
      return;
    }
    const holds = detail.target.matches("form[data-guard]") || detail.target.querySelector("form[data-guard]") !== null;
    if (holds && !detail.serverResponse.includes("data-guard")) {
      detail.shouldSwap = false;
      const answer = new DOMParser().parseFromString(detail.serverResponse, "text/html").querySelector("[role=alert], .empty-subtitle");
      tell(detail.requestConfig.elt, ...(answer?.childNodes ?? [say("notDone")]));
    }
  });

  // Who is signed out while a form counts by itself is not taken away from it: what was typed is kept, and the way back is shown.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { detail } = event;
    const address = detail.xhr.getResponseHeader("HX-Redirect");
    if (!address?.startsWith("/login/")) {
      return;
    }
    document.dispatchEvent(new Event("draft-kept"));
    const asked = ["click", "submit"].includes(detail.requestConfig.triggeringEvent?.type);
    if (asked || !document.querySelector("form[data-guard]")) {
      return;
    }
    event.preventDefault();
    const link = document.createElement("a");
    link.href = address;
    link.className = "alert-link";
    link.textContent = say("signIn");
    tell(detail.requestConfig.elt, say("signedOut"), " ", link);
  });
})();
