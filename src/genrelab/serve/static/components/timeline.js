// Timeline: the genre of every segment as a coloured bar, with a needle at the time that plays.
//   <${Timeline} segments=${[{start, end, genre, probability}]} duration=${187.2} at=${12.5} chosen=${3}
//     onChoose=${(index) => …} />
//   A slider for the keyboard: arrows go to the next segment, Home and End to the first and last.
// Legend: <${Legend} segments=… duration=… />: each genre and its share of the time.
// TimelineTwin: the same as a table.
import { clock, html, percent, useMemo, useRef } from "../lib.js";
import { alike, colourOf, GenreChip, useColours } from "./genre.js";
import { DataTwin } from "./table.js";

const said = ({ start, end, genre, probability }) => (genre
  ? `${clock(start)} to ${clock(end)}: ${genre}, ${percent(probability)}`
  : `${clock(start)} to ${clock(end)}: silence`);

// Segments may overlap or leave gaps: each is drawn until the next begins, the last until the end.
const drawnEnd = (segments, index, whole) => segments[index + 1]?.start ?? Math.max(segments[index].end, whole ?? 0);

export function segmentAt(segments, time) {
  let found = -1;
  segments.forEach((segment, index) => { if (segment.start <= time + 1e-6) found = index; });
  return Math.max(0, found);
}

export function Timeline({ segments, duration, at = null, chosen = null, onChoose, label = "Genre over time" }) {
  useColours();
  const bar = useRef(null);
  const whole = duration || segments[segments.length - 1]?.end || 1;
  const share = (seconds) => `${(100 * seconds) / whole}%`;
  const now = chosen ?? segmentAt(segments, at ?? 0);
  const byPointer = (event) => {
    const box = bar.current.getBoundingClientRect();
    const time = whole * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    onChoose(segmentAt(segments, time), time);
  };
  const byKey = (event) => {
    const last = segments.length - 1;
    const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, PageUp: now + 5, PageDown: now - 5,
      Home: 0, End: last, Enter: now, " ": now }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, to));
    onChoose(index, segments[index].start);
  };
  // The needle moves many times a second: the segments are not compared again for it.
  const paint = colourOf(segments[0]?.genre); // changes with the theme
  const repeated = useMemo(() => alike(byShare(segments, whole).map(([genre]) => genre)), [segments, whole, paint]);
  const drawn = useMemo(() => segments.map((segment, index) => html`
    <span key=${index} class=${`segment${index === chosen ? " chosen" : ""}${repeated.has(segment.genre) ? " hatched" : ""}`} title=${said(segment)} style=${{
      left: share(segment.start),
      width: share(drawnEnd(segments, index, whole) - segment.start),
      backgroundColor: segment.genre ? colourOf(segment.genre) : "transparent",
      opacity: segment.genre ? 0.35 + 0.65 * (segment.probability ?? 0) : 1,
    }} />`), [segments, chosen, whole, repeated]);
  return html`<div class="timeline" ref=${bar} role="slider" tabindex="0" aria-label=${label} aria-valuemin="0"
      aria-valuemax=${Math.max(0, segments.length - 1)} aria-valuenow=${now} aria-valuetext=${said(segments[now])}
      onClick=${byPointer} onKeyDown=${byKey}>
    ${drawn}
    ${at !== null && html`<span class="needle" style=${{ left: share(Math.min(at, whole)) }} />`}
  </div>`;
}

// [[genre, seconds], …], longest first.
function byShare(segments, duration) {
  const seconds = new Map();
  segments.forEach((segment, index) => {
    const time = drawnEnd(segments, index, duration) - segment.start;
    seconds.set(segment.genre, (seconds.get(segment.genre) ?? 0) + time);
  });
  return [...seconds].sort((a, b) => b[1] - a[1]);
}

export function Legend({ segments, duration }) {
  const sorted = byShare(segments, duration);
  const all = sorted.reduce((sum, [, time]) => sum + time, 0) || 1;
  const repeated = alike(sorted.map(([genre]) => genre));
  return html`<ul class="chips" aria-label="Share of the time">${sorted.map(([genre, time]) => html`
    <li key=${genre}>${genre === null
      ? html`<span class="chip plain">silence ${percent(time / all)}</span>`
      : html`<${GenreChip} genre=${genre} hatched=${repeated.has(genre)} label=${`${genre} ${percent(time / all)}`} />`}</li>`)}</ul>`;
}

export const TimelineTwin = ({ segments, caption = "Genre over time" }) => html`<${DataTwin} caption=${caption} columns=${[
  { key: "start", title: "From", number: true, cell: (row) => clock(row.start) },
  { key: "end", title: "To", number: true, cell: (row) => clock(row.end) },
  { key: "genre", title: "Genre", cell: (row) => row.genre ?? "silence" },
  { key: "probability", title: "Probability", number: true, cell: (row) => percent(row.probability) },
]} rows=${segments} />`;
