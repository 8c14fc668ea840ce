import { html } from "../lib.js";

export function Track() {
  return html`<h1>Track</h1>`;
}
