// Values of a tag, and how they change.
import { html } from "../lib.js";

export const Values = ({ values }) =>
  values?.length ? html`<span class="values">${values.join("; ")}</span>` : html`<span class="values none">none</span>`;

// <${Change} before=${["Rock"]} after=${["Jazz"]} />: what goes is struck out, what comes is bold.
export function Change({ before, after }) {
  const stays = new Set(after);
  const was = new Set(before);
  if (before.length === after.length && before.every((value, k) => value === after[k])) return html`<${Values} values=${after} />`;
  return html`<span class="values">${
    before.length ? before.map((value, k) => html`${k ? "; " : ""}<span class=${stays.has(value) ? "" : "gone"}>${value}</span>`) : html`<span class="none">none</span>`
  }<span class="arrow-to" aria-hidden="true">→</span><span class="hidden"> becomes </span>${
    after.length ? after.map((value, k) => html`${k ? "; " : ""}<span class=${was.has(value) ? "" : "fresh"}>${value}</span>`) : html`<span class="none">none</span>`
  }</span>`;
}
