// Recognize: drop files, choose them, or name a folder of the server. Answers appear one by one.
import { bytes, html, several, useEffect, useMemo, useRef, useState, whole } from "../lib.js";
import { baseName } from "../lib.js";
import { addFiles, addFolder, cancel, clear, isOpen, retry, useItems, useThresholds } from "../recognition.js";
import { fromDrop, fromInput, MOST_FILES } from "../dropped.js";
import { Answer } from "../components/answer.js";
import { Button, LinkButton } from "../components/button.js";
import { Checkbox, Field } from "../components/field.js";
import { Icon } from "../components/icon.js";
import { PlayButton, soundOf } from "../components/player.js";
import { saveBlob } from "../components/save_as.js";
import { ProblemBox } from "../components/problem.js";
import { Legend, Timeline, TimelineTwin } from "../components/timeline.js";

const MOST_SHOWN = 50; // items and results of one folder that are drawn

function DropZone({ options }) {
  const [over, setOver] = useState(false);
  const [note, setNote] = useState("");
  const files = useRef(null);
  const folder = useRef(null);
  const chosenOptions = useRef(options);
  chosenOptions.current = options;
  const add = ({ files: found, skipped, full }) => {
    addFiles(found, chosenOptions.current);
    setNote([
      !found.length && "None of these files is audio.",
      found.length && skipped && `${several("file", skipped)} that ${skipped === 1 ? "is" : "are"} not audio ${skipped === 1 ? "was" : "were"} skipped.`,
      full && `Only the first ${whole(MOST_FILES)} files were taken: name the folder below instead.`,
    ].filter(Boolean).join(" "));
  };
  useEffect(() => { // the whole window takes files, so that none opens in the browser by mistake
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const enter = (event) => { if (carries(event)) { event.preventDefault(); setOver(true); } };
    const leave = (event) => { if (!event.relatedTarget) setOver(false); };
    const drop = (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      setOver(false);
      fromDrop(event.dataTransfer).then(add);
    };
    const pairs = [["dragenter", enter], ["dragover", enter], ["dragleave", leave], ["drop", drop]];
    for (const [name, handle] of pairs) addEventListener(name, handle);
    return () => { for (const [name, handle] of pairs) removeEventListener(name, handle); };
  }, []);
  const chosen = (event) => { add(fromInput(event.target.files)); event.target.value = ""; };
  return html`<section class=${over ? "drop over" : "drop"} aria-label="Files of this computer">
    <${Icon} name="drop" />
    <p class="drop-title">${over ? "Drop to recognize" : "Drop music here"}</p>
    <p class="note">MP3, FLAC, Ogg, Opus, M4A, WAV and more, or whole folders. The server deletes its copies afterwards.</p>
    <div class="row">
      <${Button} kind="primary" onClick=${() => files.current.click()}>Choose files<//>
      <${Button} onClick=${() => folder.current.click()}>Choose a folder<//>
    </div>
    <input type="file" multiple hidden ref=${files} onChange=${chosen} data-test="files" />
    <input type="file" webkitdirectory hidden ref=${folder} onChange=${chosen} />
    <p class="note" role="status">${note}</p>
  </section>`;
}

function FolderForm({ options }) {
  const [path, setPath] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (!path.trim()) return;
    addFolder(path.trim(), options);
    setPath("");
  };
  return html`<details class="card folder-form"><summary>Music on the server</summary>
    <form class="toolbar" onSubmit=${submit}>
      <${Field} label="File or folder" value=${path} onInput=${setPath} placeholder="Albums/1959" required spellcheck="false"
        hint="A path under a folder that the server was started with. Results go to the library." />
      <${Button} type="submit" kind="primary">Recognize<//>
    </form></details>`;
}

function Shape({ recognition }) {
  const [chosen, setChosen] = useState(null);
  const { timeline } = recognition;
  if (!timeline?.length) return null;
  const segment = chosen === null ? null : timeline[chosen];
  return html`<details class="shape"><summary>Timeline</summary>
    <${Timeline} segments=${timeline} duration=${recognition.duration} chosen=${chosen} onChoose=${setChosen} />
    <${Legend} segments=${timeline} duration=${recognition.duration} />
    <p class="note" aria-live="polite">${segment && (segment.genre
      ? `This segment: ${segment.genre} with ${Math.round(100 * segment.probability)} %.`
      : "This segment is silent.")}</p>
    <${TimelineTwin} segments=${timeline} />
  </details>`;
}

function Result({ recognition, name, thresholdOf, file }) {
  const local = useMemo(() => (file ? URL.createObjectURL(file) : null), [file]);
  useEffect(() => () => { if (local) URL.revokeObjectURL(local); }, [local]);
  return html`<article class="result">
    <header>${!recognition.error && (local || recognition.id) && html`<${PlayButton} ...${local ? { source: local } : soundOf(recognition.id)} label=${name} />`}
      <h3 title=${name}>${name}</h3>
      ${recognition.id && html`<${LinkButton} kind="quiet" href=${`#/track/${recognition.id}`}>Open<//>`}</header>
    ${recognition.error
      ? html`<${ProblemBox} problem=${{ message: recognition.error, remedy: recognition.remedy }} />`
      : html`<${Answer} recognition=${recognition} threshold=${thresholdOf(recognition)} /><${Shape} recognition=${recognition} />`}
  </article>`;
}

const WORDS = {
  waiting: "waiting", sending: "sending", queued: "waiting for the server", running: "recognizing", cancelled: "cancelled",
  failed: "failed", done: "done",
};

function State({ item }) {
  const many = item.total > 1 ? ` · ${whole(item.done)} of ${whole(item.total)}` : "";
  const size = item.file && item.state !== "cancelled" ? ` · ${bytes(item.file.size)}` : "";
  const share = item.state === "sending" ? item.sent : item.total > 1 ? item.done / item.total : null;
  return html`<div class="state"><p class="note">${WORDS[item.state]}${many}${size}</p>
    ${isOpen(item) && item.state !== "waiting" && html`<progress max="1" value=${share ?? undefined} aria-label=${`Progress of ${item.name}`} />`}</div>`;
}

function Item({ item, thresholdOf }) {
  const single = item.results.length === 1 && !isOpen(item) && !item.path;
  if (single && !item.problem) {
    return html`<li class="card"><${Result} recognition=${item.results[0]} name=${item.name} thresholdOf=${thresholdOf} file=${item.file} /></li>`;
  }
  return html`<li class="card"><div class="item-head"><h3 title=${item.name}>${item.name}</h3>
      ${isOpen(item) && html`<${Button} kind="quiet" aria-label=${`Cancel ${item.name}`} onClick=${() => cancel(item)}>Cancel<//>`}
      ${(item.state === "failed" || item.state === "cancelled") && html`<${Button} kind="quiet" aria-label=${`Try ${item.name} again`}
        onClick=${() => retry(item)}>Try again<//>`}</div>
    <${State} item=${item} />
    ${item.problem && html`<${ProblemBox} problem=${item.problem} />`}
    ${item.results.length > MOST_SHOWN && html`<p class="note">The newest ${MOST_SHOWN} of ${whole(item.results.length)} results;${" "}
      <a href="#/library">all are in the library</a>.</p>`}
    ${item.results.length > 0 && html`<ul class="results">${item.results.slice(-MOST_SHOWN).reverse().map((each) => html`
      <li key=${`${each.path} ${each.track?.number ?? ""}`}><${Result} recognition=${each} name=${baseName(each.path)} thresholdOf=${thresholdOf} /></li>`)}</ul>`}
  </li>`;
}

function said(items) { // for screen readers: the newest answer
  const done = items.filter((item) => item.state === "done").length;
  const last = items.find((item) => item.state === "done" && item.results.length === 1)?.results[0];
  if (!done) return "";
  return `${done} of ${items.length} done.${last ? ` ${baseName(last.path)}: ${last.error ?? `${last.genre}.`}` : ""}`;
}

// All answers, oldest first, as `genrelab recognize --format json` writes them.
function save(items) {
  const results = [...items].reverse().flatMap((item) => item.results);
  saveBlob(new Blob([JSON.stringify(results, null, 2)], { type: "application/json" }), "genres.json");
}

export function Recognize() {
  const items = useItems();
  const thresholdOf = useThresholds();
  const [limit, setLimit] = useState(MOST_SHOWN);
  const [options, setOptions] = useState({ full: false, again: false });
  const open = items.filter(isOpen).length;
  return html`<h1>Recognize</h1>
    <${DropZone} options=${options} />
    <div class="row options">
      <${Checkbox} label="Process whole files, not only segments" checked=${options.full} onInput=${(full) => setOptions({ ...options, full })} />
      <${Checkbox} label="Recognize known files again" checked=${options.again} onInput=${(again) => setOptions({ ...options, again })} />
    </div>
    <${FolderForm} options=${options} />
    <p class="hidden" aria-live="polite">${said(items)}</p>
    ${items.length > 0 && html`<section aria-label="Answers">
      <div class="title-row"><h2>${open ? `${whole(items.length - open)} of ${several("answer", items.length)}` : several("answer", items.length)}</h2>
        <div class="row">
          ${open > 1 && html`<${Button} kind="quiet" onClick=${() => items.filter(isOpen).forEach(cancel)}>Cancel all<//>`}
          ${items.some((item) => item.results.length) && html`<${Button} kind="quiet" icon="download" onClick=${() => save(items)}>Save as JSON<//>`}
          ${open < items.length && html`<${Button} kind="quiet" onClick=${clear}>Clear<//>`}</div></div>
      <ul class="answers">${items.slice(0, limit).map((item) => html`<${Item} key=${item.key} item=${item} thresholdOf=${thresholdOf} />`)}</ul>
      ${items.length > limit && html`<${Button} onClick=${() => setLimit(limit + MOST_SHOWN)}>Show ${MOST_SHOWN} more<//>`}
    </section>`}`;
}
