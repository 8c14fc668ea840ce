// The library as a map: tracks that sound alike lie close together.
import { html, percent, several, useEffect, useMemo, useRef, useState, whole } from "../lib.js";
import { get, Problem } from "../api.js";
import { Button, LinkButton } from "../components/button.js";
import { colourOf, GenreChip, useColours } from "../components/genre.js";
import { ListenButton } from "../components/listen.js";
import { Empty, Loading, ProblemBox, useLoad } from "../components/problem.js";
import { Scatter } from "../components/scatter.js";
import { MOST_SELECTED, selection, useSelection } from "../components/selection.js";
import { SelectionBar } from "../components/selection_bar.js";
import { DataTwin } from "../components/table.js";
import { toast } from "../components/toast.js";

const MOST_ROWS = 100; // of the table twin

export function MapView() {
  const [done, setDone] = useState(0);
  const { data, problem, loading, reload } = useLoad(() => load(setDone), []);
  if (problem) return html`<h1>Map</h1><${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (!data && loading) return html`<h1>Map</h1><${Loading} what="the map" />
    ${done > 0 && html`<p class="note">It is laid out once, and again after the library has changed.</p><progress max="1" value=${done} aria-label="Layout of the map"></progress>`}`;
  if (!data.ids.length) {
    return html`<h1>Map</h1><div class="card"><${Empty} title="Nothing to draw yet"><p>Recognize some files first: drop them on the <a href="#/">first page</a>, or run <code>genrelab recognize FOLDER</code>.</p><//></div>`;
  }
  return html`<${Chart} tracks=${data} />`;
}

async function load(report) {
  const genres = await get("/genres");
  for (;;) {
    const map = await get("/map", { wait: 2 });
    if (map.state === "ready") return prepare([map, genres]);
    if (map.state === "failed") throw new Problem({ title: map.problem ?? "The map cannot be laid out.", code: "map-failed" });
    report(map.progress);
  }
}

// The answer in columns, in a scattered order: no folder then covers the others.
function prepare([given, { items }]) {
  const shapes = new Map(items.map(({ genre, shape }) => [genre, shape]));
  const scattered = (k) => Math.imul(k, 2654435761) >>> 0;
  const order = Uint32Array.from(given.ids.keys()).sort((a, b) => scattered(a) - scattered(b));
  const pick = (values) => Array.from(order, (k) => values[k]);
  return {
    ids: pick(given.ids),
    names: pick(given.names),
    confidence: pick(given.confidence),
    genre: Uint16Array.from(order, (k) => given.genre[k]),
    x: Float32Array.from(order, (k) => given.x[k]),
    y: Float32Array.from(order, (k) => given.y[k]),
    genres: given.genres,
    shapes: given.genres.map((genre) => shapes.get(genre) ?? 0),
    number: new Map(Array.from(order, (k, at) => [given.ids[k], at])),
  };
}

function Chart({ tracks }) {
  const canvas = useRef(null);
  const cover = useRef(null);
  const scatter = useRef(null);
  const tip = useRef(null); // tells the tip where it is: the rest is not drawn again for it
  const [opened, setOpened] = useState(-1);
  const [isLasso, setLasso] = useState(false);
  const [off, setOff] = useState(() => new Set());
  const [least, setLeast] = useState(0);
  const [failure, setFailure] = useState(null);
  const [inView, setInView] = useState([]);
  const chosen = useSelection();
  useColours();
  const colours = tracks.genres.map(colourOf).join();

  const choose = (points, isAdded) => {
    const found = points.map((k) => ({ id: tracks.ids[k], name: tracks.names[k] }));
    const over = isAdded ? selection.add(found) : selection.set(found);
    if (over) toast(`${several("track", points.length)} in there; the first ${whole(MOST_SELECTED)} are selected. Draw a smaller lasso, or hide genres.`);
  };
  useEffect(() => {
    try {
      scatter.current = new Scatter(canvas.current, cover.current, {
        hover: (point, x, y) => tip.current?.({ point, x, y }),
        open: setOpened,
        lasso: choose,
        view: () => setInView(scatter.current.inView()),
      });
      scatter.current.load(tracks.x, tracks.y, tracks.genre);
    } catch (error) {
      setFailure(error);
      return undefined;
    }
    return () => scatter.current.close();
  }, [tracks]);
  useEffect(() => scatter.current?.colours(tracks.genres.map(colourOf), tracks.shapes), [tracks, colours]);
  const isHidden = (k) => off.has(tracks.genre[k]) || (tracks.confidence[k] ?? 0) < least;
  useEffect(() => scatter.current?.mark((k) => chosen.has(tracks.ids[k]), isHidden), [tracks, chosen.version, off, least]);
  useEffect(() => {
    if (scatter.current) scatter.current.isLasso = isLasso;
  }, [isLasso]);

  const zoom = (factor) => () => scatter.current.zoomBy(factor);
  const key = (event) => event.key === "l" && !event.ctrlKey && !event.metaKey && setLasso(!isLasso);
  return html`<div class="title-row"><h1>Map</h1><p class="note">${several("track", tracks.ids.length)}. Tracks that sound alike lie close together.</p></div>
    ${failure && html`<${ProblemBox} problem=${failure} />`}
    <div class="map-page">
      <div class="map-stage">
        <canvas ref=${canvas} aria-hidden="true"></canvas>
        <canvas ref=${cover} class=${isLasso ? "cover lassoing" : "cover"} tabindex="0" role="application" onKeyDown=${key}
          aria-label="Map of the library. Arrow keys move, plus and minus zoom, 0 shows everything. The table below lists the tracks in view."></canvas>
        <div class="map-tools" role="toolbar" aria-label="Map">
          <${Button} aria-pressed=${String(isLasso)} onClick=${() => setLasso(!isLasso)}>Lasso<//>
          <${Button} aria-label="Zoom in" onClick=${zoom(1.5)}>+<//>
          <${Button} aria-label="Zoom out" onClick=${zoom(1 / 1.5)}>−<//>
          <${Button} onClick=${() => scatter.current.showAll()}>All<//>
        </div>
        <${Tip} tracks=${tracks} stage=${cover} control=${(move) => { tip.current = move; }} />
        ${opened >= 0 && html`<${TrackCard} tracks=${tracks} point=${opened} onClose=${() => setOpened(-1)} />`}
      </div>
      <${Legend} tracks=${tracks} off=${off} setOff=${setOff} least=${least} setLeast=${setLeast} />
    </div>
    <p class="note keys">Drag to move, scroll to zoom, hold Shift and drag for a lasso (with Ctrl, it adds). Click a track for its name and a player.</p>
    <${SelectionBar}>
      <${Button} onClick=${() => chosen.set(chosen.tracks().filter(({ id }) => tracks.number.has(id) && !isHidden(tracks.number.get(id))))}>Only shown<//>
    <//>
    <${Twin} tracks=${tracks} inView=${inView} choose=${choose} />`;
}

function Tip({ tracks, stage, control }) {
  const [{ point, x, y }, move] = useState({ point: -1 });
  useEffect(() => control(move), []);
  if (point < 0 || point >= tracks.ids.length) return null;
  const isRight = x > stage.current.clientWidth / 2;
  const isLow = y > stage.current.clientHeight / 2;
  const shift = `translate(${isRight ? "-100%" : "0"}, ${isLow ? "-100%" : "0"})`;
  const place = `translate(${x + (isRight ? -14 : 14)}px, ${y + (isLow ? -10 : 10)}px) ${shift}`;
  return html`<div class="map-tip" aria-hidden="true" style=${{ transform: place }}>
    <strong>${tracks.names[point]}</strong>
    <${GenreChip} genre=${tracks.genres[tracks.genre[point]]} /> ${percent(tracks.confidence[point])}</div>`;
}

function TrackCard({ tracks, point, onClose }) {
  const track = { id: tracks.ids[point], name: tracks.names[point] };
  const chosen = useSelection();
  return html`<section class="map-card" aria-label="Track">
    <${ListenButton} track=${track} />
    <div><strong>${track.name}</strong><br /><${GenreChip} genre=${tracks.genres[tracks.genre[point]]} /> <span class="note">${percent(tracks.confidence[point])}</span></div>
    <${Button} kind="quiet" onClick=${() => chosen.toggle(track)}>${chosen.has(track.id) ? "Deselect" : "Select"}<//>
    <${LinkButton} kind="quiet" href=${`#/track/${track.id}`}>Open<//>
    <button type="button" class="cross" aria-label="Close" onClick=${onClose}>✕</button>
  </section>`;
}

function Legend({ tracks, off, setOff, least, setLeast }) {
  const counts = useMemo(() => {
    const found = new Uint32Array(tracks.genres.length);
    for (const number of tracks.genre) found[number] += 1;
    return found;
  }, [tracks]);
  const order = [...tracks.genres.keys()].filter((k) => counts[k]).sort((a, b) => counts[b] - counts[a]);
  const toggle = (number) => {
    const next = new Set(off);
    if (!next.delete(number)) next.add(number);
    setOff(next);
  };
  return html`<section class="card legend" aria-label="Legend">
    <h2>Genres</h2>
    <ul>${order.map((k) => html`<li key=${k}>
      <button type="button" aria-pressed=${String(!off.has(k))} onClick=${() => toggle(k)}>
        <${Mark} colour=${colourOf(tracks.genres[k])} shape=${tracks.shapes[k]} />${tracks.genres[k] ?? "unsure"}<span class="number">${whole(counts[k])}</span>
      </button></li>`)}</ul>
    <div class="row"><${Button} kind="quiet" onClick=${() => setOff(new Set())}>Show all<//>
      <${Button} kind="quiet" onClick=${() => setOff(new Set(order))}>Hide all<//></div>
    <div class="field"><label for="least">Confidence at least ${percent(least)}</label>
      <input id="least" type="range" min="0" max="0.95" step="0.05" value=${least} onInput=${(event) => setLeast(Number(event.target.value))} /></div>
  </section>`;
}

// The shapes as the map draws them, in a box of 16.
const OUTLINES = ["M8 1.5a6.500 6.500 0 1 0 0 13a6.500 6.500 0 1 0 0-13Z", "M2.500 2.500h11v11h-11Z", "M8 1.500L14.500 13H1.500Z", "M8 1l7 7-7 7-7-7Z", "M6 1h4v5h5v4h-5v5h-4v-5h-5v-4h5Z"];

const Mark = ({ colour, shape }) => html`<svg class="mark" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${OUTLINES[shape]} fill=${colour} /></svg>`;

function Twin({ tracks, inView, choose }) {
  const columns = [
    { key: "name", title: "Track", cell: (k) => html`<a href=${`#/track/${tracks.ids[k]}`}>${tracks.names[k]}</a>` },
    { key: "genre", title: "Genre", cell: (k) => html`<${GenreChip} genre=${tracks.genres[tracks.genre[k]]} />` },
    { key: "confidence", title: "Confidence", number: true, cell: (k) => percent(tracks.confidence[k]) },
  ];
  const more = inView.length - MOST_ROWS;
  return html`<section class="card"><div class="row"><p>${several("track", inView.length)} in view.</p>
      <${Button} disabled=${!inView.length} onClick=${() => choose(inView, false)}>Select the tracks in view<//></div>
    <${DataTwin} caption=${more > 0 ? `First ${MOST_ROWS} tracks in view` : "Tracks in view"} columns=${columns} rows=${inView.slice(0, MOST_ROWS)} />
  </section>`;
}
