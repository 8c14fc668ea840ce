// Field: <${Field} label="Search" hint="…" value=${text} onInput=${setText} type="search" placeholder="…" />
// Select: <${Select} label="Genre" value=${genre} onInput=${setGenre} options=${["jazz", ["", "all genres"]]} />
// Checkbox: <${Checkbox} label="Leave out near copies" checked=${bool} onInput=${setBool} />
//   onInput gets the value, not the event.
import { html, newId, useMemo } from "../lib.js";

export function Field({ label, hint, value, onInput, type = "text", hideLabel = false, ...rest }) {
  const id = useMemo(() => newId("field"), []);
  return html`<div class="field"><label for=${id} class=${hideLabel ? "hidden" : undefined}>${label}</label>
    <input ...${rest} id=${id} type=${type} value=${value} aria-describedby=${hint ? `${id}-hint` : undefined}
      onInput=${(event) => onInput(event.target.value)} />
    ${hint && html`<p class="note" id=${`${id}-hint`}>${hint}</p>`}</div>`;
}

export function Select({ label, value, onInput, options, hideLabel = false, ...rest }) {
  const id = useMemo(() => newId("field"), []);
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  return html`<div class="field"><label for=${id} class=${hideLabel ? "hidden" : undefined}>${label}</label>
    <select ...${rest} id=${id} onChange=${(event) => onInput(event.target.value)}>${pairs.map(([name, text]) => html`
      <option key=${name} value=${name} selected=${name === value}>${text}</option>`)}</select></div>`;
}

export function Checkbox({ label, checked, onInput, ...rest }) {
  return html`<label class="checkbox"><input ...${rest} type="checkbox" checked=${checked}
    onChange=${(event) => onInput(event.target.checked)} /><span>${label}</span></label>`;
}
