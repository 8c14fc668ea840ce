// TrackList: <${TrackList} tracks=${[{id, name, genre, duration}]} onChange=${setTracks} />: a list in an order of
// one's own. Tracks are moved by dragging, or by the arrow buttons; the focus goes with the track.
import { clock, html, useEffect, useRef, useState } from "../lib.js";
import { GenreChip } from "./genre.js";
import { ListenButton, titled } from "./listen.js";

export function TrackList({ tracks, onChange }) {
  const list = useRef(null);
  const [dragged, setDragged] = useState(-1);
  const [target, setTarget] = useState(-1);
  const focus = useRef(null);
  useEffect(() => {
    if (!focus.current) return;
    const { at, name } = focus.current;
    focus.current = null;
    list.current.children[at]?.querySelector(`[data-name="${name}"]`)?.focus();
  }, [tracks]);
  const move = (from, to, name) => {
    if (to < 0 || to >= tracks.length) return;
    const next = [...tracks];
    next.splice(to, 0, ...next.splice(from, 1));
    focus.current = name && { at: to, name };
    onChange(next);
  };
  const remove = (at) => {
    focus.current = { at: Math.min(at, tracks.length - 2), name: "remove" };
    onChange(tracks.filter((_, k) => k !== at));
  };
  const drop = (event) => {
    event.preventDefault();
    if (dragged >= 0 && target >= 0) move(dragged, target);
    setDragged(-1);
    setTarget(-1);
  };
  return html`<ol class="playlist" ref=${list} onDrop=${drop} onDragOver=${(event) => dragged >= 0 && event.preventDefault()}>
    ${tracks.map((track, at) => html`<li key=${track.id} draggable=${true} class=${at === dragged ? "dragged" : at === target ? "target" : undefined}
      onDragStart=${(event) => { event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", track.name); setDragged(at); }}
      onDragEnter=${() => dragged >= 0 && setTarget(at)} onDragEnd=${() => { setDragged(-1); setTarget(-1); }}>
      <${ListenButton} track=${track} />
      <div class="what"><a href=${`#/track/${track.id}`} title=${track.path}>${titled(track)}</a></div>
      <span class="genre"><${GenreChip} genre=${track.genre} /></span>
      <span class="note length">${clock(track.duration)}</span>
      <span class="moves">
        <button type="button" class="cross" data-name="up" aria-label=${`Move ${titled(track)} up`} disabled=${at === 0} onClick=${() => move(at, at - 1, "up")}>↑</button>
        <button type="button" class="cross" data-name="down" aria-label=${`Move ${titled(track)} down`} disabled=${at === tracks.length - 1} onClick=${() => move(at, at + 1, "down")}>↓</button>
        <button type="button" class="cross" data-name="remove" aria-label=${`Remove ${titled(track)}`} onClick=${() => remove(at)}>✕</button>
      </span>
    </li>`)}
  </ol>`;
}
