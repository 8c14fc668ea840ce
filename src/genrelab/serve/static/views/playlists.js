import { html } from "../lib.js";

export function Playlists() {
  return html`<h1>Playlists</h1>`;
}
