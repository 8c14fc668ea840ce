// TrackPicker: <${TrackPicker} label="Add a track" onPick=${(track) => …} />: search the library, choose one.
import { html, useEffect, useRef, useState } from "../lib.js";
import { get } from "../api.js";
import { Field } from "./field.js";
import { titled } from "./listen.js";
import { ProblemBox } from "./problem.js";

const MOST = 8;

export function TrackPicker({ label, onPick }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  const field = useRef(null);
  useEffect(() => {
    if (!text.trim()) {
      setFound(null);
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get("/tracks", { search: text.trim(), limit: MOST }, { signal: stop.signal }).then(
        ({ items }) => { setFound(items); setProblem(null); },
        (refused) => refused.name === "AbortError" || setProblem(refused),
      );
    }, 200);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [text]);
  const pick = (track) => {
    onPick({ id: track.id, name: titled(track) });
    setText("");
    field.current.querySelector("input").focus();
  };
  // While one searches, Enter does not send the form around the field.
  const enter = (event) => { if (event.key === "Enter" && event.target.matches("input") && text.trim()) event.preventDefault(); };
  return html`<div ref=${field} onKeyDown=${enter}>
    <${Field} label=${label} type="search" placeholder="words in the path" value=${text} onInput=${setText} autocomplete="off" />
    ${problem && html`<${ProblemBox} problem=${problem} />`}
    <p class="hidden" role="status">${found ? `${found.length} found` : ""}</p>
    ${found && (found.length
      ? html`<ul class="found" aria-label="Found tracks">${found.map((track) => html`<li key=${track.id}>
          <button type="button" onClick=${() => pick(track)}>${titled(track)}</button></li>`)}</ul>`
      : html`<p class="note">No track fits.</p>`)}
  </div>`;
}
