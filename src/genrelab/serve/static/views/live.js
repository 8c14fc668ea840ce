import { html } from "../lib.js";

export function Live() {
  return html`<h1>Microphone</h1>`;
}
