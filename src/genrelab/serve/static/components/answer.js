// Answer: what was recognized in one file: genre, confidence, the genres after it, tags, and why it is `unsure`.
//   <${Answer} recognition=${the JSON of `recognize --format json`} threshold=${0.4 | undefined} />
// explain(recognition, threshold): the reason of `unsure` in words; null if there is a genre.
// Tags: <${Tags} tags=${[{kind, name, probability, present}]} />: those that are present, by kind.
import { html, percent } from "../lib.js";
import { Ranking } from "./confidence.js";
import { GenreChip } from "./genre.js";

export function explain({ reason, genres = [], guess }, threshold) {
  if (reason === "silent") return "The file is silent, so there is nothing to recognize.";
  if (reason === "no music") return "The model detects no music in this file.";
  if (reason !== "low confidence") return null;
  const [first, second] = genres;
  const limit = threshold == null ? "what the model needs to name a genre" : `the ${percent(threshold)} that the model needs to name a genre`;
  if (!first) return `No genre reaches ${limit}.`;
  const close = second && first.probability - second.probability < 0.1 ? `; ${second.genre} is close behind` : "";
  return `${guess ? "This is a guess. " : ""}The most likely genre is ${first.genre} with ${percent(first.probability)}, below ${limit}${close}.`;
}

export function Tags({ tags }) {
  const kinds = new Map();
  for (const tag of tags.filter((each) => each.present)) kinds.set(tag.kind, [...(kinds.get(tag.kind) ?? []), tag]);
  if (!kinds.size) return null;
  return html`<dl class="facts tags">${[...kinds].map(([kind, found]) => html`<dt key=${kind}>${kind}</dt>
    <dd><ul class="chips">${found.map((tag) => html`<li key=${tag.name}><span class="chip plain" title=${percent(tag.probability)}>${tag.name}</span></li>`)}</ul></dd>`)}</dl>`;
}

export function Answer({ recognition, threshold }) {
  const { genre, genres = [], tags = [], warning } = recognition;
  const why = explain(recognition, threshold);
  return html`<div class="answer">
    <p class="verdict"><${GenreChip} genre=${genre} /></p>
    ${genres.length > 0 && html`<${Ranking} genres=${genres} top=${3} threshold=${threshold} />`}
    ${why && html`<p class="why">${why}</p>`}
    <${Tags} tags=${tags} />
    ${warning && html`<p class="note">${warning}</p>`}
  </div>`;
}
