// Button: <${Button} kind="primary" | "quiet" | "danger" onClick=… busy=${bool} disabled=${bool}>Save<//>
//   kind      omit for the plain one; one primary button per view
//   busy      shows a turning ring, keeps the width, and refuses clicks
//   icon      a name of icon.js before the text
//   type      "button" (default) or "submit"
// LinkButton: the same look for a link: <${LinkButton} href="#/library">Library<//>
import { html } from "../lib.js";
import { Icon } from "./icon.js";

const look = (kind, busy) => `button${kind ? ` ${kind}` : ""}${busy ? " busy" : ""}`;

export function Button({ kind, busy = false, disabled = false, icon, type = "button", children, onClick, ...rest }) {
  const press = (event) => { if (busy) event.preventDefault(); else onClick?.(event); };
  return html`<button ...${rest} type=${type} class=${look(kind, busy)} disabled=${disabled}
    aria-busy=${busy ? "true" : undefined} onClick=${press}>${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></button>`;
}

export function LinkButton({ kind, icon, children, ...rest }) {
  return html`<a ...${rest} class=${look(kind, false)}>${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></a>`;
}
