// GenreChip: <${GenreChip} genre="jazz" /> or <${GenreChip} genre=${null} /> for `unsure`.
// colourOf("jazz") -> "#3d85e0": the one palette of genrelab, from the server; grey until it is loaded.
// useColours(): a component that calls it is drawn again when the palette comes or the theme changes.
// alike(["country", "electronic"]) -> Set of those whose colour an earlier one has: they are hatched, or dashed.
import { html, useEffect, useState } from "../lib.js";
import { get } from "../api.js";

const OTHERS = "#b9bec6";
let light = {};
let dark = {};
const waiting = new Set();

export async function loadColours() {
  try {
    ({ colours: light, dark_colours: dark } = await get("/genres"));
    wakeAll();
  } catch { /* the colours stay grey, the names remain */ }
}

function wakeAll() { for (const wake of waiting) wake({}); }
window.addEventListener("themechange", wakeAll);

export const colourOf = (genre) => (window.genrelabTheme.dark ? dark : light)[genre] ?? OTHERS;
export const allGenres = () => Object.keys(light);

export function alike(genres) {
  const seen = new Set();
  return new Set(genres.filter((genre) => genre && (seen.has(colourOf(genre)) || !seen.add(colourOf(genre)))));
}

export function useColours() {
  const [, wake] = useState(null);
  useEffect(() => { waiting.add(wake); return () => waiting.delete(wake); }, []);
}

export function GenreChip({ genre, label, hatched = false }) {
  useColours();
  if (!genre || genre === "unsure") return html`<span class="chip unsure">${label ?? "unsure"}</span>`;
  return html`<span class="chip"><span class=${hatched ? "dot hatched" : "dot"} style=${{ backgroundColor: colourOf(genre) }} />${label ?? genre}</span>`;
}
