import { html } from "../lib.js";

export function Review() {
  return html`<h1>Review</h1>`;
}
