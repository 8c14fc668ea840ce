import { html } from "../lib.js";

export function Jobs() {
  return html`<h1>Jobs</h1>`;
}
