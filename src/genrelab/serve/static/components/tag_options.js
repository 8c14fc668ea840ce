// TagOptions: <${TagOptions} options=${options} onInput=${setOptions} />: what `genrelab tag` can be told.
import { html } from "../lib.js";
import { Checkbox, Field, Select } from "./field.js";
import { GenreField } from "./genre_field.js";

export const OPTIONS = {
  fields: ["genre"], mode: "only-empty", genres: 1, most: 3, spelling: "plain", parents: false, guess: false,
  min_confidence: "", keep_mtime: false, skip_hard_links: false, damaged: false, full: false, id3v23_separator: "/",
  itunes_grouping: false, genre: "", by: "",
};

const FIELDS = [["genre", "Genre"], ["mood", "Moods"], ["grouping", "Styles, in the grouping"]];
const MODES = [["only-empty", "Keep them"], ["overwrite", "Replace them"], ["combine", "Add to them"]];
const SPELLINGS = [
  ["plain", "as players show them (Hip-Hop)"], ["id3", "ID3 list"], ["discogs", "Discogs"], ["musicbrainz", "MusicBrainz"], ["model", "as the model names them"],
];
const SWITCHES = [
  ["guess", "Also where the model is unsure"],
  ["parents", "Also parent genres"],
  ["keep_mtime", "Keep the modification time of files"],
  ["skip_hard_links", "Skip files with hard links"],
  ["damaged", "Also files with a damaged part"],
  ["full", "Only answers for whole files"],
];

export function TagOptions({ options, onInput }) {
  const set = (changes) => onInput({ ...options, ...changes });
  const toggle = (field) => (on) => set({ fields: FIELDS.map(([name]) => name).filter((name) => (name === field ? on : options.fields.includes(name))) });
  return html`<fieldset><legend>Write</legend>
      <div class="radios">${FIELDS.map(([name, title]) => html`<${Checkbox} key=${name} label=${title} checked=${options.fields.includes(name)} onInput=${toggle(name)} />`)}</div></fieldset>
    ${options.fields.includes("genre") && html`<${GenreField} label="Genre of your choice, instead of the predicted one" placeholder="as predicted" value=${options.genre} onInput=${(genre) => set({ genre })} />`}
    <fieldset><legend>Values that are already in the file</legend>
      <div class="radios">${MODES.map(([name, title]) => html`<label key=${name}><input type="radio" name="mode" checked=${options.mode === name} onChange=${() => set({ mode: name })} /> ${title}</label>`)}</div></fieldset>
    <div class="toolbar">
      <${Select} label="Spelling" value=${options.spelling} onInput=${(spelling) => set({ spelling })} options=${SPELLINGS} />
      <${Select} label="One genre per" value=${options.by} onInput=${(by) => set({ by })} disabled=${options.genre.trim() !== ""} options=${[["", "track"], ["album", "album"], ["folder", "folder"]]} />
      <${Field} label="Minimum confidence, in %" type="number" min="0" max="100" placeholder="any" value=${options.min_confidence} onInput=${(least) => set({ min_confidence: least })} />
      <${Field} label="Maximum genres" type="number" min="1" max="10" required=${true} value=${options.genres} onInput=${(most) => set({ genres: Number(most) || 1 })} />
      ${(options.fields.includes("mood") || options.fields.includes("grouping")) && html`<${Field} label="Maximum moods, styles" type="number" min="1" max="20" required=${true} value=${options.most} onInput=${(most) => set({ most: Number(most) || 1 })} />`}
    </div>
    <details class="more"><summary>More options</summary>
      <div class="radios">${SWITCHES.map(([name, title]) => html`<${Checkbox} key=${name} label=${title} checked=${options[name]} onInput=${(on) => set({ [name]: on })} />`)}
        ${options.fields.includes("grouping") && html`<${Checkbox} label="Grouping as in iTunes" checked=${options.itunes_grouping} onInput=${(on) => set({ itunes_grouping: on })} />`}</div>
      <div class="toolbar"><${Select} label="Separator in ID3v2.3" value=${options.id3v23_separator} onInput=${(separator) => set({ id3v23_separator: separator })} options=${["/", ";", ["; ", "; and a space"], ["nul", "zero byte"]]} /></div>
    </details>`;
}
