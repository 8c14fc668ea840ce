// toast("Saved", { action: "Undo", onAction() {} }): a short message at the edge, read by screen readers.
// toast(problem) shows a Problem with its remedy. It stays ten seconds, and while the pointer or the focus is on it.
import { html, useEffect, useState } from "../lib.js";
import { Icon } from "./icon.js";

let show = () => {};
let number = 0;

export function toast(what, { action, onAction } = {}) {
  const bad = typeof what !== "string";
  show({ id: (number += 1), text: bad ? what.message : what, remedy: bad ? what.remedy : null, bad, action, onAction });
}

function Toast({ id, text, remedy, bad, action, onAction, onClose }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(() => onClose(id), 10000);
    return () => clearTimeout(timer);
  }, [held]);
  const act = () => { onClose(id); onAction(); };
  return html`<li class=${bad ? "toast bad" : "toast"} onMouseEnter=${() => setHeld(true)} onMouseLeave=${() => setHeld(false)}
      onFocusIn=${() => setHeld(true)} onFocusOut=${() => setHeld(false)}>
    <div><p>${text}</p>${remedy && html`<p class="note">${remedy}</p>`}</div>
    ${action && html`<button type="button" class="button quiet" onClick=${act}>${action}</button>`}
    <button type="button" class="cross" aria-label="Dismiss" onClick=${() => onClose(id)}><${Icon} name="close" /></button>
  </li>`;
}

export function Toasts() {
  const [shown, setShown] = useState([]);
  useEffect(() => {
    show = (one) => setShown((list) => [...list.slice(-3), one]);
    return () => { show = () => {}; };
  }, []);
  const close = (id) => setShown((list) => list.filter((each) => each.id !== id));
  return html`<div class="toasts" role="status" aria-live="polite"><ul>
    ${shown.map((each) => html`<${Toast} key=${each.id} ...${each} onClose=${close} />`)}</ul></div>`;
}
