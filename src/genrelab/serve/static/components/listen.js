// One player for all lists: listen(track) plays a track in a bar at the bottom, and goes on while one looks
// elsewhere. <${ListenButton} track=${{ id, name }} /> is a play button; <${ListenBar} /> the bar, once per page.
import { html, useEffect, useRef, useState } from "../lib.js";
import { url } from "../api.js";
import { Icon } from "./icon.js";

let current = null; // { id, name, failed }
let playing = false;
let audio = null;
const watchers = new Set();
const wake = () => { for (const watcher of watchers) watcher({}); };

function useListening() {
  const [, again] = useState(null);
  useEffect(() => {
    watchers.add(again);
    return () => watchers.delete(again);
  }, []);
  return { current, playing };
}

// Play a track; the one that plays is paused instead. With `at`, from that second.
export function listen(track, { at = null, restart = false } = {}) {
  if (!audio) return;
  if (current?.id === track.id && !restart && !current.failed) {
    if (audio.paused) audio.play().catch(() => {});
    else audio.pause();
    return;
  }
  current = { id: track.id, name: track.title ? titled(track) : track.name, failed: false, tries: 0 };
  audio.src = url(`/tracks/${track.id}/audio`);
  if (at !== null) audio.addEventListener("loadedmetadata", () => { audio.currentTime = at; }, { once: true });
  audio.play().catch(() => {});
  wake();
}

export function stopListening() {
  if (!audio) return;
  audio.pause();
  audio.removeAttribute("src");
  audio.load();
  current = null;
  wake();
}

export const titled = ({ title, artist, name }) => (title ? (artist ? `${artist}: ${title}` : title) : name);

// A format that the browser does not know is asked for again, transcoded.
function failed() {
  if (!current || !audio.getAttribute("src")) return;
  if (current.tries === 0) {
    current.tries = 1;
    audio.src = url(`/tracks/${current.id}/audio`, { as: "ogg" });
    audio.play().catch(() => {});
    return;
  }
  current.failed = true;
  wake();
}

export function ListenBar() {
  const { current: track } = useListening();
  const element = useRef(null);
  useEffect(() => {
    audio = element.current;
    const set = (value) => () => { playing = value; wake(); };
    const listeners = { play: set(true), pause: set(false), ended: set(false), error: failed };
    for (const [name, run] of Object.entries(listeners)) audio.addEventListener(name, run);
    return () => { stopListening(); audio = null; };
  }, []);
  return html`<section class=${track ? "listen-bar" : "listen-bar closed"} aria-label="Player">
    <p class="listen-name">${track && html`<a href=${`#/track/${track.id}`}>${track.name}</a>`}
      ${track?.failed && html`<span class="note"> cannot be played: the file is gone, or not below a folder of this server</span>`}</p>
    <audio ref=${element} controls preload="metadata" aria-label=${track ? `Player of ${track.name}` : "Player"}></audio>
    <button type="button" class="cross" aria-label="Close the player" onClick=${stopListening}><${Icon} name="close" /></button>
  </section>`;
}

export function ListenButton({ track, tabindex, at = null }) {
  const { current: now, playing: runs } = useListening();
  const mine = now?.id === track.id && runs;
  const name = titled(track);
  return html`<button type="button" class="listen" tabindex=${tabindex} aria-pressed=${String(mine)}
    aria-label=${mine ? `Pause ${name}` : `Play ${name}`} onClick=${() => listen(track, { at })}><${Icon} name=${mine ? "pause" : "play"} /></button>`;
}
