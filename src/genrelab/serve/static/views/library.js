// The library as a table: search, filters, sorting, selection. The address holds the state.
import { clock, html, percent, useEffect, useMemo, useRef, useState, whole } from "../lib.js";
import { get } from "../api.js";
import { go, keep } from "../components/address.js";
import { Button } from "../components/button.js";
import { Checkbox, Field, Select } from "../components/field.js";
import { GenreChip } from "../components/genre.js";
import { listen, ListenButton } from "../components/listen.js";
import { Pages } from "../components/pages.js";
import { Empty, ProblemBox, useLoad } from "../components/problem.js";
import { MOST_SELECTED, useSelection } from "../components/selection.js";
import { SelectionBar } from "../components/selection_bar.js";
import { toast } from "../components/toast.js";
import { WindowTable } from "../components/window_table.js";

const FILTERS = ["search", "genre", "tag", "folder", "min_confidence", "unsure", "error"];
const PAUSE = 250; // milliseconds after the last key before a search starts
const CONFIDENCES = [["", "any"], ...[0.3, 0.5, 0.7, 0.9].map((share) => [String(share), `from ${percent(share)}`])];

export function Library({ query }) {
  const selection = useSelection();
  const { data: figures } = useLoad(() => get("/statistics"), []);
  const [, again] = useState(0);
  const sort = query.get("sort") ?? "path";
  const filters = FILTERS.map((name) => query.get(name) ?? "").join("\n");
  const pages = useMemo(() => {
    const wanted = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
    const ask = (offset, limit, signal) => get("/tracks", { ...wanted, sort, offset, limit }, { signal });
    return new Pages(ask, () => again((count) => count + 1), ({ named }) => named !== false);
  }, [filters, sort]);
  useEffect(() => () => pages.close(), [pages]);
  const start = useMemo(() => Math.max(0, Number.parseInt(query.get("at") ?? "0", 10) || 0), [pages]);
  const change = (changes, how) => go("library", location.hash.split("?")[1] ?? "", { ...changes, at: "" }, how);
  const isFiltered = FILTERS.some((name) => query.get(name));

  async function select(from, to, kind) {
    const [first, last] = from <= to ? [from, to] : [to, from];
    if (kind === "none") return selection.clear();
    if (kind === "toggle") return pages.item(first) && selection.toggle(pages.item(first));
    try {
      const items = await pages.range(first, Math.min(last, first + MOST_SELECTED));
      const over = kind === "all" ? selection.set(items) : selection.add(items);
      if (over || last - first >= MOST_SELECTED) {
        toast(`The first ${whole(MOST_SELECTED)} tracks are selected: that many go into one request. Narrow the list with a filter.`);
      }
    } catch (problem) {
      if (problem.name !== "AbortError") toast(problem);
    }
    return undefined;
  }

  return html`<div class="title-row"><h1>Library</h1>
      <p class="note" role="status">${pages.total === null ? (pages.problem ? "" : "Loading …") : `${whole(pages.total)} ${pages.total === 1 ? "track" : "tracks"}${isFiltered ? " found" : ""}`}</p></div>
    <${Filters} query=${query} figures=${figures} change=${change} />
    ${pages.problem && html`<${ProblemBox} problem=${pages.problem} onRetry=${() => { pages.want(0, 0); }} />`}
    ${
      pages.total === 0
        ? html`<div class="card">${
            isFiltered
              ? html`<${Empty} title="No track fits">
                  <${Button} onClick=${() => go("library", "", { sort: query.get("sort") })}>Remove all filters<//><//>`
              : html`<${Empty} title="The library is empty"><p>Recognize files first: drop them on the <a href="#/">first page</a>, or run <code>genrelab recognize FOLDER</code>.</p><//>`
          }</div>`
        : html`<${WindowTable} label="Tracks of the library" columns=${COLUMNS} pages=${pages}
            isSelected=${({ id }) => selection.has(id)} onSelect=${select}
            onOpen=${({ id }) => { location.hash = `#/track/${id}`; }} onPlay=${(track) => listen(track)}
            sort=${sort} onSort=${(name) => change({ sort: name === "path" ? "" : name })}
            start=${start} onMove=${(row) => keep("library", location.hash.split("?")[1] ?? "", { at: row || "" })} />
          <p class="note keys">Keys in the table: arrows move, Enter opens, Space selects, Shift extends, Ctrl+A selects all, P plays.</p>`
    }
    <${SelectionBar} />`;
}

function Filters({ query, figures, change }) {
  const [search, setSearch] = useState(query.get("search") ?? "");
  const [folder, setFolder] = useState(query.get("folder") ?? "");
  const timer = useRef(null);
  // "Back" changes the address: the fields follow, unless one types just now.
  useEffect(() => {
    if (timer.current !== null) return;
    setSearch(query.get("search") ?? "");
    setFolder(query.get("folder") ?? "");
  }, [query.get("search"), query.get("folder")]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const soon = (name, set) => (value) => {
    set(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      change({ [name]: value.trim() }, { replace: true });
    }, PAUSE);
  };
  const genres = Object.entries(figures?.genres ?? {}).map(([name, count]) => [name, `${name} (${whole(count)})`]);
  const tags = Object.entries(figures?.tags ?? {}).map(([name, count]) => [name, `${name} (${whole(count)})`]);
  return html`<form class="toolbar filters" role="search" aria-label="Library" onSubmit=${(event) => event.preventDefault()}>
    <${Field} label="Search" type="search" placeholder="words in the path" value=${search} onInput=${soon("search", setSearch)} />
    <${Select} label="Genre" value=${query.get("genre") ?? ""} onInput=${(genre) => change({ genre })} options=${[["", "all"], ...genres]} />
    ${tags.length > 0 && html`<${Select} label="Tag" value=${query.get("tag") ?? ""} onInput=${(tag) => change({ tag })} options=${[["", "all"], ...tags]} />`}
    <${Select} label="Confidence" value=${query.get("min_confidence") ?? ""} onInput=${(share) => change({ min_confidence: share })} options=${CONFIDENCES} />
    <${Field} label="Folder" placeholder="/music/new" value=${folder} onInput=${soon("folder", setFolder)} />
    <${Checkbox} label="Only unsure" checked=${query.get("unsure") === "true"} onInput=${(on) => change({ unsure: on ? "true" : "" })} />
  </form>`;
}

function genreOf({ error, genre, best }) {
  if (error) return html`<span class="chip unsure" title=${error}>not recognized</span>`;
  if (genre || !best) return html`<${GenreChip} genre=${genre} />`;
  return html`<${GenreChip} genre=${null} label=${html`<span class="hidden">unsure: </span>${best}?`} />`;
}

const COLUMNS = [
  {
    name: "path",
    title: "Track",
    track: "minmax(12rem, 3fr)",
    sort: true,
    cell: (track) => html`<${ListenButton} track=${track} tabindex=${-1} />
      <span class="names"><a href=${`#/track/${track.id}`} tabindex="-1" title=${track.path}>${track.title || track.name}</a>
      ${track.artist && html`<span class="by">${track.artist}</span>`}</span>`,
  },
  {
    name: "genre",
    title: "Genre",
    track: "minmax(9.5rem, 1fr)",
    sort: true,
    cell: (track) => genreOf(track),
  },
  { name: "confidence", title: "Confidence", track: "7.25rem", sort: true, kind: "number", cell: ({ confidence }) => percent(confidence) },
  { name: "tags", title: "Tags", track: "minmax(6rem, 1.2fr)", cell: ({ tags }) => (tags ?? []).map((tag) => tag.split(":").slice(1).join(":") || tag).join(", ") },
  { name: "duration", title: "Length", track: "4.5rem", sort: true, kind: "number", cell: ({ duration }) => clock(duration) },
];
