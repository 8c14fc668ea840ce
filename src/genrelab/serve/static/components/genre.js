// GenreChip: <${GenreChip} genre="jazz" /> or <${GenreChip} genre=${null} /> for `unsure`.
// colourOf("jazz") -> "#3d85e0": the one palette of genrelab, from the server; grey until it is loaded.
// useColours(): a component that calls it is drawn again when the palette comes.
import { html, useEffect, useState } from "../lib.js";
import { get } from "../api.js";

const OTHERS = "#b9bec6";
let palette = {};
const waiting = new Set();

export async function loadColours() {
  try {
    palette = (await get("/genres")).colours ?? {};
    for (const wake of waiting) wake({});
  } catch { /* the colours stay grey, the names remain */ }
}

export const colourOf = (genre) => palette[genre] ?? OTHERS;
export const allGenres = () => Object.keys(palette);

export function useColours() {
  const [, wake] = useState(null);
  useEffect(() => { waiting.add(wake); return () => waiting.delete(wake); }, []);
}

export function GenreChip({ genre, label }) {
  useColours();
  if (!genre || genre === "unsure") return html`<span class="chip unsure">${label ?? "unsure"}</span>`;
  return html`<span class="chip"><span class="dot" style=${{ backgroundColor: colourOf(genre) }} />${label ?? genre}</span>`;
}
