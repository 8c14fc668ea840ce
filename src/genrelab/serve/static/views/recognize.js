import { html } from "../lib.js";

export function Recognize() {
  return html`<h1>Recognize</h1>`;
}
