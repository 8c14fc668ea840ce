import { html } from "../lib.js";

export function Tags() {
  return html`<h1>Tags</h1>`;
}
