// The library as a map: tracks that sound alike lie close together.
import { html, percent, several, useEffect, useMemo, useRef, useState, whole } from "../lib.js";
import { get, getData, post, Problem } from "../api.js";
import { Button, LinkButton } from "../components/button.js";
import { colourOf, GenreChip, useColours } from "../components/genre.js";
import { ListenButton } from "../components/listen.js";
import { Empty, Loading, ProblemBox, useLoad } from "../components/problem.js";
import { MOST_SELECTED, selection, useSelection } from "../components/selection.js";
import { SelectionBar } from "../components/selection_bar.js";
import { DataTwin } from "../components/table.js";
import { toast } from "../components/toast.js";
import { readMap } from "../scatter/data.js";
import { Scatter } from "../scatter/scatter.js";

const MOST_ROWS = 100; // of the table twin
const MOST_NAMES = 20_000; // that are kept

export function MapView() {
  const [done, setDone] = useState(0);
  const { data, problem, loading, reload } = useLoad(() => load(setDone), []);
  if (problem) return html`<h1>Map</h1><${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (!data && loading) return html`<h1>Map</h1><${Loading} what="the map" />
    ${done > 0 && html`<p class="note">It is laid out once, and again after the library has changed.</p><progress max="1" value=${done} aria-label="Layout of the map"></progress>`}`;
  if (!data.count) {
    return html`<h1>Map</h1><div class="card"><${Empty} title="Nothing to draw yet"><p>Recognize some files first: drop them on the <a href="#/">first page</a>, or run <code>genrelab recognize FOLDER</code>.</p><//></div>`;
  }
  return html`<${Chart} key=${data.names.tag} tracks=${data} reload=${reload} />`;
}

async function load(report) {
  const { items } = await get("/genres");
  for (;;) {
    const { content, bytes, tag } = await getData("/map", { wait: 2, format: "binary" });
    if (bytes) return prepare(readMap(bytes), tag, items);
    if (content.state === "failed") throw new Problem({ title: content.problem ?? "The map cannot be laid out.", code: "map-failed" });
    report(content.progress);
  }
}

function prepare(data, tag, items) {
  const shapes = new Map(items.map(({ genre, shape }) => [genre, shape]));
  const names = new Names(data, tag);
  return { ...data, names, shapes: data.genres.map((genre) => shapes.get(genre) ?? 0) };
}

// The names and ids of the points, from the server when they are needed: a million would not fit.
class Names {
  constructor({ row, count }, tag) {
    this.row = row; // of a point: the number of the track, as the server counts
    this.count = count;
    this.tag = tag;
    this.known = new Map(); // point -> { id, name }, the one used last at the end
    this.points = new Map(); // id -> point; -1 if it is not on the map
  }

  get = (point) => this.known.get(point);

  async load(points) {
    const missing = points.filter((point) => !this.known.has(point));
    if (missing.length) this.keep((await this.ask({ points: missing.map((point) => this.row[point]) })).items);
    return points.map((point) => this.known.get(point)).filter(Boolean);
  }

  /** Look for the points of tracks that are selected elsewhere. */
  async find(ids) {
    const missing = ids.filter((id) => !this.points.has(id));
    if (!missing.length) return;
    for (const id of missing) this.points.set(id, -1);
    this.keep((await this.ask({ ids: missing })).items);
  }

  ask = (body) => post("/map/points", { map: this.tag, ...body });

  keep(items) {
    this.byRow ??= this.row.reduce((found, row, point) => { found[row] = point; return found; }, new Uint32Array(this.count));
    for (const { point: row, id, name } of items) {
      const point = this.byRow[row];
      this.known.set(point, { id, name });
      this.points.set(id, point);
    }
    for (const point of this.known.keys()) {
      if (this.known.size <= MOST_NAMES) break;
      this.known.delete(point);
    }
  }
}

function Chart({ tracks, reload }) {
  const canvas = useRef(null);
  const cover = useRef(null);
  const scatter = useRef(null);
  const tip = useRef(null); // tells the tip where it is: the rest is not drawn again for it
  const [opened, setOpened] = useState(-1);
  const [isLasso, setLasso] = useState(false);
  const [off, setOff] = useState(() => new Set());
  const [least, setLeast] = useState(0);
  const [failure, setFailure] = useState(null);
  const [inView, setInView] = useState({ count: 0, points: [], named: [] });
  const [selected, setSelected] = useState(() => new Set()); // points
  const chosen = useSelection();
  useColours();
  const colours = tracks.genres.map(colourOf).join();

  const refused = (problem) => (problem.code === "map-changed" ? reload() : setFailure(problem));
  const choose = (points, isAdded, total = points.length) => {
    const some = points.slice(0, MOST_SELECTED).sort((a, b) => tracks.row[a] - tracks.row[b]); // in the order of paths
    tracks.names.load(some).then((found) => {
      const over = (isAdded ? selection.add(found) : selection.set(found)) + total - some.length;
      if (over) toast(`${several("track", total)} in there; the first ${whole(MOST_SELECTED)} are selected. Draw a smaller lasso, or hide genres.`);
    }, refused);
  };
  const looked = useRef(0);
  const look = async () => {
    const turn = (looked.current += 1);
    const seen = scatter.current?.inView(MOST_SELECTED + 1);
    if (!seen) return;
    const points = seen.points.slice(0, MOST_ROWS).sort((a, b) => tracks.row[a] - tracks.row[b]);
    try {
      await tracks.names.load(points);
      if (turn === looked.current && scatter.current) setInView({ ...seen, named: points });
    } catch (problem) {
      refused(problem);
    }
  };
  useEffect(() => {
    try {
      scatter.current = new Scatter(canvas.current, cover.current, {
        hover: (point, x, y) => tip.current?.({ point, x, y }),
        open: setOpened,
        lasso: choose,
        view: () => look(),
      });
      scatter.current.load(tracks.x, tracks.y, tracks.genre, tracks.tiles);
    } catch (error) {
      setFailure(error);
      return undefined;
    }
    return () => {
      scatter.current.close();
      scatter.current = null;
    };
  }, [tracks]);
  useEffect(() => scatter.current?.colours(tracks.genres.map(colourOf), tracks.shapes), [tracks, colours]);
  useEffect(() => {
    const ids = chosen.ids();
    const show = () => setSelected(new Set(ids.map((id) => tracks.names.points.get(id)).filter((point) => point >= 0)));
    tracks.names.find(ids).then(show, refused);
  }, [tracks, chosen.version]);
  const isHidden = (k) => off.has(tracks.genre[k]) || tracks.confidence[k] < 100 * least - 0.5;
  useEffect(() => scatter.current?.mark((k) => selected.has(k), isHidden), [tracks, selected, off, least]);
  useEffect(() => {
    if (scatter.current) scatter.current.isLasso = isLasso;
  }, [isLasso]);

  const zoom = (factor) => () => scatter.current.zoomBy(factor);
  const key = (event) => event.key === "l" && !event.ctrlKey && !event.metaKey && setLasso(!isLasso);
  return html`<div class="title-row"><h1>Map</h1><p class="note">${several("track", tracks.count)}. Tracks that sound alike lie close together.</p></div>
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
      <${Button} onClick=${() => chosen.set(chosen.tracks().filter(({ id }) => tracks.names.points.get(id) >= 0 && !isHidden(tracks.names.points.get(id))))}>Only shown<//>
    <//>
    <${Twin} tracks=${tracks} inView=${inView} choose=${choose} />`;
}

// Returns the name and id of a point, undefined until they are known.
function useName(tracks, point) {
  const [, again] = useState(0);
  const name = point < 0 ? undefined : tracks.names.get(point);
  useEffect(() => {
    if (point >= 0 && !name) tracks.names.load([point]).then(() => again((count) => count + 1), () => {});
  }, [tracks, point, name]);
  return name;
}

function Tip({ tracks, stage, control }) {
  const [{ point, x, y }, move] = useState({ point: -1 });
  useEffect(() => control(move), []);
  const track = useName(tracks, point);
  if (point < 0 || point >= tracks.count) return null;
  const isRight = x > stage.current.clientWidth / 2;
  const isLow = y > stage.current.clientHeight / 2;
  const shift = `translate(${isRight ? "-100%" : "0"}, ${isLow ? "-100%" : "0"})`;
  const place = `translate(${x + (isRight ? -14 : 14)}px, ${y + (isLow ? -10 : 10)}px) ${shift}`;
  return html`<div class="map-tip" aria-hidden="true" style=${{ transform: place }}>
    <strong>${track?.name ?? "…"}</strong>
    <${GenreChip} genre=${tracks.genres[tracks.genre[point]]} /> ${tracks.confidence[point]} %</div>`;
}

function TrackCard({ tracks, point, onClose }) {
  const track = useName(tracks, point);
  const chosen = useSelection();
  if (!track) return null;
  return html`<section class="map-card" aria-label="Track">
    <${ListenButton} track=${track} />
    <div><strong>${track.name}</strong><br /><${GenreChip} genre=${tracks.genres[tracks.genre[point]]} /> <span class="note">${tracks.confidence[point]} %</span></div>
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
  const name = (k) => tracks.names.get(k) ?? { id: "", name: "" };
  const columns = [
    { key: "name", title: "Track", cell: (k) => html`<a href=${`#/track/${name(k).id}`}>${name(k).name}</a>` },
    { key: "genre", title: "Genre", cell: (k) => html`<${GenreChip} genre=${tracks.genres[tracks.genre[k]]} />` },
    { key: "confidence", title: "Confidence", number: true, cell: (k) => `${tracks.confidence[k]} %` },
  ];
  return html`<section class="card"><div class="row"><p>${several("track", inView.count)} in view.</p>
      <${Button} disabled=${!inView.count} onClick=${() => choose(inView.points, false, inView.count)}>Select the tracks in view<//></div>
    <${DataTwin} caption=${inView.count > MOST_ROWS ? `${MOST_ROWS} tracks in view` : "Tracks in view"} columns=${columns} rows=${inView.named} />
  </section>`;
}
