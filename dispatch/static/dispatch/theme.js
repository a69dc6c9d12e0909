// Day or night, as this person chose on this machine, else as the system says. Loaded before the page is drawn, so that
// a dark room never gets a white flash.
(() => {
  "use strict";
  const KEY = "care-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  /** @returns {string | null} */
  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is closed to us: the system decides
    }
  }

  function show() {
    const theme = chosen() ?? (system.matches ? "night" : "day");
    document.documentElement.dataset["theme"] = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.textContent = theme === "night" ? "Day" : "Night";
      button.setAttribute("aria-label", theme === "night" ? "Switch to the day theme" : "Switch to the night theme");
    }
  }

  function change() {
    const next = document.documentElement.dataset["theme"] === "night" ? "day" : "night";
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // not kept: it lasts until the page is left
    }
    document.documentElement.dataset["theme"] = next;
    show();
  }

  show();
  system.addEventListener("change", show);
  document.addEventListener("care-change-theme", change);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    for (const button of document.querySelectorAll("[data-theme-switch]")) button.addEventListener("click", change);
  });
})();
