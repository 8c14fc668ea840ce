// Dialog: <${Dialog} title="Write tags?" open=${open} onClose=${() => setOpen(false)}>content<//>
//   A modal <dialog>: the browser keeps the focus inside, Escape and the cross call onClose.
// Confirm: <${Confirm} title="…" open=${open} action="Write" kind="primary" | "danger" busy=${bool}
//            onConfirm=… onClose=…>what will happen<//>
import { html, newId, useEffect, useMemo, useRef } from "../lib.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

export function Dialog({ title, open, onClose, children }) {
  const dialog = useRef(null);
  const id = useMemo(() => newId("dialog"), []);
  useEffect(() => {
    if (open && !dialog.current.open) dialog.current.showModal();
    if (!open && dialog.current?.open) dialog.current.close();
  }, [open]);
  const escape = (event) => { event.preventDefault(); onClose(); };
  return html`<dialog ref=${dialog} aria-labelledby=${id} onCancel=${escape}>
    <header><h2 id=${id}>${title}</h2>
      <button type="button" class="cross" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
    ${open && children}
  </dialog>`;
}

export function Confirm({ title, open, action, kind = "primary", busy, onConfirm, onClose, children }) {
  return html`<${Dialog} title=${title} open=${open} onClose=${onClose}>
    ${children}
    <div class="actions">
      <${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind=${kind} busy=${busy} onClick=${onConfirm}>${action}<//>
    </div>
  <//>`;
}
