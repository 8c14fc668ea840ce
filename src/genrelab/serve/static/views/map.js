import { html } from "../lib.js";

export function MapView() {
  return html`<h1>Map</h1>`;
}
