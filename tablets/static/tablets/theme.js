// Runs before the page is painted, so that a dark car stays dark. The choice is kept on this device.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = "system";
    try {
      chosen = localStorage.getItem("theme") ?? "system";
    } catch {
      // A browser that keeps nothing: the system's theme, then.
    }
    const theme = chosen === "system" ? (dark.matches ? "night" : "day") : chosen;
    document.documentElement.dataset.theme = theme;
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", theme === "night" ? "#0c0f12" : "#f0f2f4");
  };
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("care:theme", apply);
  apply();
})();
