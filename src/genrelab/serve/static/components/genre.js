// GenreChip: <${GenreChip} genre="jazz" /> or <${GenreChip} genre=${null} /> for `unsure`.
// colourOf("jazz") -> "#3d85e0": the one palette of genrelab, from the server; grey until it is loaded.
// useColours(): a component that calls it is drawn again when the palette comes or the theme changes.
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

export function useColours() {
  const [, wake] = useState(null);
  useEffect(() => { waiting.add(wake); return () => waiting.delete(wake); }, []);
}

export function GenreChip({ genre, label }) {
  useColours();
  if (!genre || genre === "unsure") return html`<span class="chip unsure">${label ?? "unsure"}</span>`;
  return html`<span class="chip"><span class="dot" style=${{ backgroundColor: colourOf(genre) }} />${label ?? genre}</span>`;
}
