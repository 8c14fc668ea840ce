// Light or dark. Runs before the page is drawn, so that it never flashes in the other colours.
// `genrelabTheme.choose("light" | "dark" | "auto")` changes and keeps the choice; "auto" follows the system.
(() => {
  const root = document.documentElement;
  const read = () => { try { return localStorage.getItem("genrelab-theme"); } catch { return null; } };
  const apply = (name) => {
    if (name === "light" || name === "dark") root.dataset.theme = name;
    else delete root.dataset.theme;
  };
  apply(read());
  window.genrelabTheme = {
    get chosen() { return root.dataset.theme ?? "auto"; },
    get dark() {
      return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    },
    choose(name) {
      apply(name);
      try { localStorage.setItem("genrelab-theme", name); } catch { /* private window: it holds for this visit */ }
      window.dispatchEvent(new Event("themechange"));
    },
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("themechange")));
})();
