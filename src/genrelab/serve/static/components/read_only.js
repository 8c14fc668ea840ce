// ReadOnly: <${ReadOnly} what="write tags" />: why a button is not there, and what helps.
import { html } from "../lib.js";

export const ReadOnly = ({ what }) => html`<div class="caution"><p>This server only reads. To ${what}, start it with${" "}
  <code>genrelab serve --allow-write</code>.</p></div>`;
