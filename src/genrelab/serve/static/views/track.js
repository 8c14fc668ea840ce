// A track: sound with waveform, the genre over time and why, parts, tags, similar tracks, correction.
import { baseName, bytes, clock, html, moment, percent, useEffect, useMemo, useRef, useState } from "../lib.js";
import { get, post, Problem } from "../api.js";
import { Answer } from "../components/answer.js";
import { Button } from "../components/button.js";
import { Chart } from "../components/chart.js";
import { Ranking } from "../components/confidence.js";
import { Select } from "../components/field.js";
import { alike, allGenres, colourOf, GenreChip, useColours } from "../components/genre.js";
import { PlayButton, Player, soundOf } from "../components/player.js";
import { Empty, Loading, ProblemBox, useLoad } from "../components/problem.js";
import { ReadOnly } from "../components/read_only.js";
import { DataTwin, Table } from "../components/table.js";
import { Legend, segmentAt, Timeline, TimelineTwin } from "../components/timeline.js";
import { toast } from "../components/toast.js";

const PEAKS = 1200;
const LINES = 4; // genres in the chart
// The probabilities of a segment, most likely first.
function ranked(segment) {
  if (!segment?.genre) return [];
  const all = segment.probabilities ?? { [segment.genre]: segment.probability };
  return Object.entries(all).map(([genre, probability]) => ({ genre, probability })).sort((a, b) => b.probability - a.probability);
}

// Only a file that was processed as a whole has all probabilities of each segment.
function WholeFile({ track, onDone }) {
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    try {
      const job = await post("/recognize", { paths: [track.path], full: true }, { query: { wait: 60 } });
      if (job.state === "done") await onDone();
      else if (job.problem) toast(new Problem(job.problem));
      else toast("This takes longer. Its progress is under Jobs.");
    } catch (problem) { toast(problem); }
    setBusy(false);
  };
  return html`<p class="note">Only segments of this file were processed, and only their first genre is stored.</p>
    <${Button} busy=${busy} onClick=${start}>Process the whole file<//>`;
}

function Why({ segment, track, onDone }) {
  if (!segment) return html`<p class="note why-segment">Choose a place in the timeline to see why it has its genre.</p>`;
  const genres = ranked(segment);
  return html`<div class="why-segment" aria-live="polite">
    <h3>${clock(segment.start)}–${clock(segment.end)}: ${segment.genre ?? "silence"}</h3>
    ${genres.length ? html`<${Ranking} genres=${genres} top=${5} />` : html`<p class="note">Silent segments have no vote.</p>`}
    ${genres.length === 1 && html`<${WholeFile} track=${track} onDone=${onDone} />`}
  </div>`;
}

function OverTime({ track, time, chosen, onSeek }) {
  useColours();
  const { timeline, genres } = track;
  const x = useMemo(() => timeline.map((segment) => (segment.start + segment.end) / 2), [timeline]);
  const span = useMemo(() => [0, track.duration], [track]);
  const names = genres.slice(0, LINES).map((each) => each.genre);
  const repeated = alike(names);
  const lines = useMemo(() => names.map((label) => ({
    label, colour: colourOf(label), dashed: repeated.has(label),
    values: timeline.map((segment) => segment.probabilities?.[label] ?? (segment.genre === label ? segment.probability : null)),
  })), [timeline, colourOf(names[0])]);
  if (timeline.length < 3 || !timeline.some((segment) => segment.probabilities)) return null;
  const columns = [
    { key: "start", title: "From", number: true, cell: (row) => clock(row.start) },
    ...names.map((name) => ({ key: name, title: name, number: true, cell: (row) => percent(row.probabilities?.[name]) })),
  ];
  return html`<section class="card"><h2>Confidence over time</h2>
    <ul class="chips">${names.map((name) => html`<li key=${name}><${GenreChip} genre=${name} hatched=${repeated.has(name)} /></li>`)}</ul>
    <${Chart} label=${`Probability of ${names.join(", ")} over the time of the track`} x=${x} lines=${lines} at=${time} span=${span} onSeek=${onSeek} />
    <${DataTwin} caption="Confidence over time" columns=${columns} rows=${timeline} /></section>`;
}

function Sound({ id, track, name, onDone }) {
  const [time, setTime] = useState(0);
  const [chosen, setChosen] = useState(null);
  const player = useRef(null);
  const { timeline, duration, parts, file } = track;
  const { data: peaks, problem } = useLoad(() => get(`/tracks/${id}/peaks`, { points: PEAKS }), [id]);
  const choose = (index, at) => {
    setChosen(index);
    player.current?.seek(at ?? timeline[index].start);
  };
  const seek = (at) => choose(segmentAt(timeline, at), at);
  const marked = chosen === null ? null : timeline[chosen];
  return html`<section class="card sound"><h2 class="hidden">Sound and timeline</h2>
    ${file && !file.present && problem
      ? html`<${ProblemBox} problem=${problem} />`
      : html`${peaks || problem
          ? html`<${Player} ...${soundOf(id, track.plays)} peaks=${peaks?.peaks ?? null} duration=${duration} label=${name} marked=${marked}
              onTime=${setTime} control=${(made) => { player.current = made; }} />`
          : html`<div class="player-place"><${Loading} what="waveform" /></div>`}`}
    ${timeline.length > 0 && html`
      <${Timeline} segments=${timeline} duration=${duration} at=${time} chosen=${chosen} onChoose=${choose} />
      <${Legend} segments=${timeline} duration=${duration} />
      <${Why} segment=${marked} track=${track} onDone=${onDone} />
      <${TimelineTwin} segments=${timeline} />`}
    ${parts?.length > 1 && html`<details class="twin"><summary>${parts.length} parts</summary><${Table} caption="Parts" rows=${parts} columns=${[
      { key: "start", title: "From", number: true, cell: (row) => clock(row.start) },
      { key: "end", title: "To", number: true, cell: (row) => clock(row.end) },
      { key: "genre", title: "Genre", cell: (row) => (row.genre ? html`<${GenreChip} genre=${row.genre} />` : "silence") },
      { key: "probability", title: "Probability", number: true, cell: (row) => percent(row.probability) },
      { key: "play", title: "", cell: (row) => html`<button type="button" class="button quiet" onClick=${() => seek(row.start)}>Go there</button>` },
    ]} /></details>`}
  </section>
  <${OverTime} track=${track} time=${time} chosen=${chosen} onSeek=${seek} />`;
}

function Correct({ id, track, writes, onDone }) {
  const [genre, setGenre] = useState("");
  const [busy, setBusy] = useState(false);
  const names = useMemo(() => [...new Set([...track.genres.map((each) => each.genre), ...allGenres()])].sort(), [track]);
  const keep = async (what) => {
    setBusy(true);
    try { return await post("/review", { id, genre: what }); } catch (problem) { toast(problem); return null; } finally { setBusy(false); }
  };
  const undo = async () => { if (await keep("undo")) { onDone(null); toast("The correction is undone."); } };
  const send = async (what, text) => {
    if (!await keep(what)) return;
    onDone(what);
    toast(text, { action: "Undo", onAction: undo });
  };
  const submit = (event) => { event.preventDefault(); if (genre) send(genre, `Corrected to ${genre}. The next model that you teach learns from it.`); };
  if (!writes) return html`<section class="card"><h2>Correct the genre</h2><${ReadOnly} what="keep corrections" /></section>`;
  return html`<section class="card"><h2>Correct the genre</h2>
    <form class="row correct" onSubmit=${submit}>
      <${Select} label="Right genre" value=${genre} onInput=${setGenre} options=${[["", "Choose …"], ...names]} />
      <${Button} type="submit" kind="primary" busy=${busy} disabled=${!genre}>Correct<//>
      ${track.genre && track.genre !== "unsure" && html`<${Button} onClick=${() => send("right", `${track.genre} is marked as right.`)}>${track.genre} is right<//>`}
    </form>
    <p class="note">The file stays as it is. Corrections are kept for <code>genrelab teach</code>; tags are written in <a href="#/tags">Tags</a>.</p>
  </section>`;
}

function InFile({ tags, problem }) {
  const found = Object.entries(tags ?? {}).filter(([, values]) => (Array.isArray(values) ? values.length : values));
  return html`<section class="card"><h2>Tags in the file</h2>${found.length
    ? html`<dl class="facts">${found.map(([name, values]) => html`<dt key=${name}>${name}</dt><dd>${[].concat(values).join(", ")}</dd>`)}</dl>`
    : html`<p class="note">${problem ?? "The file has no genre, mood or grouping."}</p>`}</section>`;
}

function Similar({ id }) {
  const { data, problem, loading, reload } = useLoad(() => get(`/tracks/${id}/similar`, { k: 8 }), [id]);
  return html`<section class="card"><h2>Similar tracks</h2>
    ${problem && html`<${ProblemBox} problem=${problem} onRetry=${reload} />`}
    ${loading && !data && html`<${Loading} what="similar tracks" />`}
    ${data && !data.items.length && html`<p class="note">There are no other tracks to compare with yet.</p>`}
    ${data && html`<ul class="similar">${data.items.map((each) => html`<li key=${each.id}>
      <${PlayButton} ...${soundOf(each.id)} label=${each.title || each.name} />
      <span class="similar-name"><a href=${`#/track/${each.id}`}>${each.title || each.name}</a>
        ${each.artist && html`<span class="note">${each.artist}</span>`}</span>
      <${GenreChip} genre=${each.genre} /></li>`)}</ul>`}
  </section>`;
}

const gone = (file) => (file?.present === false ? "The file is gone." : file?.problem ? "The server may not read this file." : null);

function Facts({ track }) {
  return html`<section class="card"><h2>File</h2><dl class="facts">
    <dt>Path</dt><dd class="path">${track.path}</dd>
    <dt>Length</dt><dd>${clock(track.duration)}</dd>
    <dt>Processed</dt><dd>${track.full ? "the whole file" : "segments spread over the file"}</dd>
    ${track.file?.size != null && html`<dt>Size</dt><dd>${bytes(track.file.size)}</dd>`}
    ${track.file?.modified && html`<dt>Changed</dt><dd>${moment(track.file.modified)}</dd>`}
    <dt>Model</dt><dd>${track.model}</dd>
    ${track.album && html`<dt>Album</dt><dd>${track.album}</dd>`}
    ${track.warning && html`<dt>Notice</dt><dd>${track.warning}</dd>`}
  </dl></section>`;
}

export function Track({ params: [id], health }) {
  const { data: track, problem, loading, reload } = useLoad(() => get(`/tracks/${id}`), [id]);
  const [corrected, setCorrected] = useState(null);
  useEffect(() => setCorrected(null), [id]);
  if (problem) return html`<h1>Track</h1><${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (!track || (loading && track.id !== id)) return html`<h1>Track</h1><${Loading} what="track" />`;
  const name = track.title || baseName(track.path);
  if (track.error) return html`<h1>${name}</h1><${ProblemBox} problem=${{ message: track.error, path: track.path }} />`;
  return html`<div class="title-row"><h1>${name}${track.artist && html`<span class="artist">${track.artist}</span>`}</h1>
      ${corrected && html`<p class="note" role="status">${corrected === "right" ? "marked as right" : html`corrected to <${GenreChip} genre=${corrected} />`}</p>`}</div>
    <${Sound} key=${id} id=${id} track=${track} name=${name} onDone=${reload} />
    <div class="columns">
      <section class="card"><h2>Genre</h2><${Answer} recognition=${track} threshold=${track.threshold} /></section>
      <${Correct} key=${id} id=${id} track=${track} writes=${health?.writes ?? true} onDone=${setCorrected} />
    </div>
    <div class="columns"><${Similar} id=${id} /><${InFile} tags=${track.file_tags} problem=${track.file_tags_problem ?? gone(track.file)} /></div>
    <${Facts} track=${track} />`;
}
