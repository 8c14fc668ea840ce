import { html } from "../lib.js";

export function Models() {
  return html`<h1>Models</h1>`;
}
