// ConfidenceBar: <${ConfidenceBar} value=${0.83} genre="jazz" threshold=${0.5} />: a bar with its number.
//   genre      colours the bar; without it the accent colour
//   threshold  a mark: below it the model abstains
// Ranking: <${Ranking} genres=${[{genre, probability}, …]} top=${3} threshold=… />: one bar per genre.
import { html, percent } from "../lib.js";
import { colourOf, useColours } from "./genre.js";

export function ConfidenceBar({ value, genre, threshold }) {
  useColours();
  return html`<span class="confidence">
    <span class="track" aria-hidden="true">
      <span class="fill" style=${{ width: `${100 * (value ?? 0)}%`, backgroundColor: genre ? colourOf(genre) : "" }} />
      ${threshold != null && html`<span class="threshold" style=${{ left: `${100 * threshold}%` }} />`}
    </span><span class="number">${percent(value)}</span></span>`;
}

export function Ranking({ genres, top = 3, threshold }) {
  return html`<ol class="ranking">${genres.slice(0, top).map(({ genre, probability }, place) => html`
    <li key=${genre}><span class="name">${genre}</span>
      <${ConfidenceBar} value=${probability} genre=${genre} threshold=${place ? undefined : threshold} /></li>`)}</ol>`;
}
