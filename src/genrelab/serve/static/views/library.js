import { html } from "../lib.js";

export function Library() {
  return html`<h1>Library</h1>`;
}
