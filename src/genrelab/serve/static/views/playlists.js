// Build a playlist: say what it should contain, look at it, change it, keep it.
import { clock, html, several, useEffect, useRef, useState } from "../lib.js";
import { get, post } from "../api.js";
import { go } from "../components/address.js";
import { Button } from "../components/button.js";
import { Checkbox, Field, Select } from "../components/field.js";
import { Empty, ProblemBox, useLoad } from "../components/problem.js";
import { ReadOnly } from "../components/read_only.js";
import { saveAs } from "../components/save_as.js";
import { selection } from "../components/selection.js";
import { toast } from "../components/toast.js";
import { TrackList } from "../components/track_list.js";
import { TrackPicker } from "../components/track_picker.js";

const KINDS = [
  ["genre", "Genre"],
  ["mood", "Mood or tag"],
  ["similar", "Similar to …"],
  ["path", "From A to B"],
  ["tracks", "Chosen tracks"],
];
const MOST_SEEDS = 20;

export function Playlists({ query, health }) {
  const kind = KINDS.some(([name]) => name === query.get("kind")) ? query.get("kind") : "genre";
  const { data: figures } = useLoad(() => get("/statistics"), []);
  const [choice, setChoice] = useState(() => ({ genres: [], tags: [], seeds: firstSeeds(query), ends: [null, null] }));
  const [rules, setRules] = useState({ length: 50, max_per_artist: "", no_copies: null, with_seeds: false });
  const [tracks, setTracks] = useState(null);
  const [omitted, setOmitted] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const result = useRef(null);
  const turn = useRef(0);
  const asked = request(kind, choice, rules);

  const preview = async (event) => {
    event?.preventDefault();
    const mine = (turn.current += 1);
    setBusy(true);
    setProblem(null);
    try {
      const { items, omitted: left } = await post("/playlists/preview", asked);
      if (turn.current !== mine) return;
      setTracks(items);
      setOmitted(left ?? null);
      result.current?.focus();
    } catch (refused) {
      if (turn.current === mine) setProblem(refused);
    }
    if (turn.current === mine) setBusy(false);
  };
  // Selected tracks need names and durations, which only the server knows.
  useEffect(() => {
    turn.current += 1;
    setTracks(null);
    setProblem(null);
    setBusy(false);
    if (kind === "tracks" && choice.seeds.length) preview();
  }, [kind]);

  return html`<h1>Playlists</h1>
    <nav class="tabs" aria-label="Kinds of playlist">${KINDS.map(([name, title]) => html`<a key=${name} href=${`#/playlists?kind=${name}`}
      aria-current=${name === kind ? "page" : undefined} onClick=${(event) => { event.preventDefault(); go("playlists", "", { kind: name }); }}>${title}</a>`)}</nav>
    <form class="card" onSubmit=${preview}>
      <${Choice} kind=${kind} choice=${choice} setChoice=${setChoice} figures=${figures} />
      <div class="toolbar">
        ${kind !== "tracks" && html`<${Field} label="Tracks" type="number" min="1" max=${kind === "path" ? 100 : 10000} value=${rules.length} onInput=${(length) => setRules({ ...rules, length })} />`}
        <${Field} label="Maximum per artist" type="number" min="1" placeholder="any number" value=${rules.max_per_artist} onInput=${(max) => setRules({ ...rules, max_per_artist: max })} />
        ${kind === "similar" && html`<${Checkbox} label="Begin with these tracks" checked=${rules.with_seeds} onInput=${(on) => setRules({ ...rules, with_seeds: on })} />`}
        <${Checkbox} label="Leave out near copies" checked=${rules.no_copies ?? kind !== "tracks"} onInput=${(on) => setRules({ ...rules, no_copies: on })} />
      </div>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
      <${Button} kind="primary" type="submit" busy=${busy} disabled=${!isComplete(kind, choice)}>Show the tracks<//>
    </form>
    <div ref=${result} tabindex="-1">
      ${tracks && html`<${Result} tracks=${tracks} omitted=${omitted} setTracks=${setTracks} health=${health} />`}
    </div>`;
}

function firstSeeds(query) {
  const named = query.getAll("seed");
  return named.length ? named.map((id) => ({ id, name: id })) : selection.tracks();
}

function isComplete(kind, { genres, tags, seeds, ends }) {
  if (kind === "genre") return genres.length > 0;
  if (kind === "mood") return tags.length > 0;
  if (kind === "path") return ends[0] !== null && ends[1] !== null;
  return seeds.length > 0;
}

function request(kind, { genres, tags, seeds, ends }, { length, max_per_artist: most, no_copies: noCopies, with_seeds: withSeeds }) {
  const rules = { kind, length: Number(length) || 50, no_copies: noCopies ?? kind !== "tracks", ...(most ? { max_per_artist: Number(most) } : {}) };
  if (kind === "genre") return { ...rules, genres };
  if (kind === "mood") return { ...rules, tags };
  if (kind === "similar") return { ...rules, seeds: seeds.slice(0, MOST_SEEDS).map(({ id }) => id), with_seeds: withSeeds };
  if (kind === "path") return { ...rules, from: ends[0]?.id, to: ends[1]?.id };
  return { ...rules, length: Math.max(1, seeds.length), tracks: seeds.map(({ id }) => id) };
}

function Choice({ kind, choice, setChoice, figures }) {
  const set = (changes) => setChoice({ ...choice, ...changes });
  if (kind === "genre" || kind === "mood") {
    const name = kind === "genre" ? "genres" : "tags";
    const known = Object.keys((kind === "genre" ? figures?.genres : figures?.tags) ?? {}).filter((each) => each !== "unsure");
    const toggle = (each) => set({ [name]: choice[name].includes(each) ? choice[name].filter((other) => other !== each) : [...choice[name], each] });
    return html`<fieldset><legend>${kind === "genre" ? "Any of these genres" : "All of these tags"}</legend>
      <div class="radios">${known.map((each) => html`<${Checkbox} key=${each} label=${each} checked=${choice[name].includes(each)} onInput=${() => toggle(each)} />`)}</div>
      ${figures && !known.length && html`<p class="note">${kind === "genre" ? "The library is empty." : "No track has tags. A model with tags finds moods and styles."}</p>`}
    </fieldset>`;
  }
  if (kind === "path") {
    const end = (at, title) => html`<div><h2>${title}</h2>${
      choice.ends[at]
        ? html`<${Seeds} seeds=${[choice.ends[at]]} onRemove=${() => set({ ends: choice.ends.with(at, null) })} />`
        : html`<${TrackPicker} label=${`${title} track`} onPick=${(track) => set({ ends: choice.ends.with(at, track) })} />`
    }</div>`;
    return html`<div class="columns">${end(0, "First")}${end(1, "Last")}</div>`;
  }
  const add = (track) => choice.seeds.some(({ id }) => id === track.id) || set({ seeds: [...choice.seeds, track] });
  const shown = choice.seeds.slice(0, MOST_SEEDS);
  return html`<p>${kind === "similar" ? "Tracks that sound like all of these." : "These tracks, in this order."}</p>
    <${Seeds} seeds=${shown} onRemove=${(gone) => set({ seeds: choice.seeds.filter(({ id }) => id !== gone) })} />
    ${choice.seeds.length > shown.length && html`<p class="note">${kind === "similar" ? `Only the first ${MOST_SEEDS} of ${choice.seeds.length} are compared.` : `and ${choice.seeds.length - shown.length} more`}</p>`}
    ${choice.seeds.length > 0 && html`<${Button} kind="quiet" onClick=${() => set({ seeds: [] })}>Remove all<//>`}
    <${TrackPicker} label="Add a track" onPick=${add} />`;
}

function Seeds({ seeds, onRemove }) {
  return html`<ul class="seeds">${seeds.map(({ id, name }) => html`<li key=${id}>${name}
    <button type="button" class="cross" aria-label=${`Remove ${name}`} onClick=${() => onRemove(id)}>✕</button></li>`)}</ul>`;
}

function Result({ tracks, omitted, setTracks, health }) {
  const [name, setName] = useState("");
  const [format, setFormat] = useState("m3u8");
  const [folder, setFolder] = useState("");
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState(null);
  const [exists, setExists] = useState(false);
  const seconds = tracks.reduce((sum, { duration }) => sum + (duration ?? 0), 0);
  if (!tracks.length) return html`<div class="card"><${Empty} title="No track fits"><p>Choose more, or allow more per artist.</p>${left(omitted)}<//></div>`;
  const body = () => ({ kind: "tracks", tracks: tracks.map(({ id }) => id), length: tracks.length, no_copies: false, name: name.trim() || "genrelab", format });
  const act = (what, run) => async () => {
    setBusy(what);
    setProblem(null);
    try {
      await run();
    } catch (refused) {
      setProblem(refused);
    }
    setBusy("");
  };
  const fileName = `${(name.trim() || "genrelab").replaceAll(/[/\\\0]/g, "-")}.${format}`;
  const download = act("download", () => saveAs("/playlists/download", body(), fileName));
  const save = act("save", async () => {
    const to = folder.trim() ? { to: `${folder.trim().replace(/\/+$/, "")}/${fileName}` } : {};
    try {
      const saved = await post("/playlists", { ...body(), ...to, overwrite: exists });
      setExists(false);
      const skipped = saved.skipped.length ? `; ${saved.skipped.length} left out: ${saved.skipped[0].reason}` : "";
      toast(`Saved: ${saved.path}${skipped}`);
    } catch (refused) {
      const taken = refused.code === "playlist-exists";
      setExists(taken);
      if (taken) refused.remedy = "Choose another name, or replace it.";
      throw refused;
    }
  });
  return html`<section class="card" aria-label="Tracks of the playlist">
    <div class="title-row"><h2>${several("track", tracks.length)}${seconds > 0 && `, ${clock(seconds)}`}</h2>${left(omitted)}</div>
    <${TrackList} tracks=${tracks} onChange=${setTracks} />
    <div class="toolbar">
      <${Field} label="Name" value=${name} onInput=${setName} placeholder="genrelab" maxlength="120" />
      <${Select} label="Format" value=${format} onInput=${setFormat} options=${[["m3u8", "M3U8"], ["xspf", "XSPF"]]} />
      <${Button} icon="download" busy=${busy === "download"} onClick=${download}>Download<//>
    </div>
    ${
      health?.writes
        ? html`<div class="toolbar">
            <${Field} label="Save to this folder on the server" value=${folder} onInput=${(text) => { setFolder(text); setExists(false); }} placeholder="the first folder" />
            <${Button} busy=${busy === "save"} kind=${exists ? "danger" : undefined} onClick=${save}>${exists ? "Replace it" : "Save"}<//></div>`
        : health && html`<${ReadOnly} what="save playlists beside your music" />`
    }
    ${problem && html`<${ProblemBox} problem=${problem} />`}
  </section>`;
}

function left(omitted) {
  const parts = [
    omitted?.copies && several("near copy", omitted.copies).replace("copys", "copies"),
    omitted?.crowded && `${omitted.crowded} beyond the maximum per artist`,
    omitted?.vanished && `${omitted.vanished} whose file is gone`,
  ].filter(Boolean);
  return parts.length > 0 && html`<p class="note">Left out: ${parts.join(", ")}.</p>`;
}
