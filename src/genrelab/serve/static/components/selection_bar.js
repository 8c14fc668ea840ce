// What to do with the selected tracks; it stays in view at the bottom of the page.
import { html, several, useState } from "../lib.js";
import { post } from "../api.js";
import { Button, LinkButton } from "./button.js";
import { Dialog } from "./dialog.js";
import { GenreField } from "./genre_field.js";
import { ProblemBox } from "./problem.js";
import { useSelection } from "./selection.js";
import { toast } from "./toast.js";

export function SelectionBar({ children }) {
  const selection = useSelection();
  const [correcting, setCorrecting] = useState(false);
  if (!selection.size) return null;
  return html`<section class="selection-bar" aria-label="Selected tracks">
    <p role="status"><strong>${several("track", selection.size)}</strong> selected</p>
    <div class="row">
      <${LinkButton} kind="primary" icon="tag" href="#/tags">Write tags<//>
      <${LinkButton} icon="playlist" href="#/playlists?kind=tracks">Playlist<//>
      <${LinkButton} href="#/playlists?kind=similar">Similar<//>
      <${LinkButton} href="#/review?kind=selected">Review<//>
      <${Button} icon="check" onClick=${() => setCorrecting(true)}>Correct<//>
      ${children}
      <${Button} kind="quiet" onClick=${() => selection.clear()}>Clear<//>
    </div>
    <${Correct} open=${correcting} onClose=${() => setCorrecting(false)} />
  </section>`;
}

function Correct({ open, onClose }) {
  const selection = useSelection();
  const [genre, setGenre] = useState("");
  const [done, setDone] = useState(null);
  const [problem, setProblem] = useState(null);
  const save = async (event) => {
    event.preventDefault();
    setProblem(null);
    const tracks = selection.tracks();
    try {
      for (const [k, track] of tracks.entries()) {
        setDone(k);
        await post("/review", { id: track.id, genre: genre.trim() });
      }
      toast(`${several("track", tracks.length)} corrected to ${genre.trim()}. Teach a model with it under Review.`);
      selection.clear();
      onClose();
    } catch (refused) {
      setProblem(refused);
    }
    setDone(null);
  };
  return html`<${Dialog} title=${`Correct ${several("track", selection.size)}`} open=${open} onClose=${onClose}>
    <form onSubmit=${save}>
      <p>The genre is noted as a correction, which a model can be taught with. The files do not change.</p>
      <${GenreField} label="Right genre" value=${genre} onInput=${setGenre} required=${true} />
      ${problem && html`<${ProblemBox} problem=${problem} />`}
      ${done !== null && html`<progress max=${selection.size} value=${done} aria-label="Corrections saved" />`}
      <div class="actions"><${Button} onClick=${onClose}>Cancel<//>
        <${Button} kind="primary" type="submit" busy=${done !== null}>Correct<//></div>
    </form>
  <//>`;
}
