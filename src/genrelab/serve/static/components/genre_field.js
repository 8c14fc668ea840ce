// GenreField: <${GenreField} label="Right genre" value=${text} onInput=${setText} />: any text, with the known
// genres as suggestions.
import { html, newId, useMemo } from "../lib.js";
import { allGenres, useColours } from "./genre.js";
import { Field } from "./field.js";

export function GenreField({ genres, ...rest }) {
  useColours();
  const list = useMemo(() => newId("genres"), []);
  return html`<${Field} ...${rest} list=${list} autocomplete="off" maxlength="200" />
    <datalist id=${list}>${(genres ?? allGenres()).map((name) => html`<option key=${name} value=${name} />`)}</datalist>`;
}
