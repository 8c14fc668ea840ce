// Teach: <${Teach} model=${path} fresh=${count} writes=${bool} />: make a model with one's own genres, and show how
// good it is.
import { html, several, useEffect, useState } from "../lib.js";
import { post } from "../api.js";
import { watchJob } from "../job_feed.js";
import { Button } from "./button.js";
import { Field, Select } from "./field.js";
import { Figures } from "./figures.js";
import { ProblemBox } from "./problem.js";

const SOURCES = [["corrections", "my corrections"], ["tags", "the genre tags of a folder"], ["folders", "the subfolders of a folder"]];
const REMEDIES = { // on this page, rather than in a program
  "teach-target-exists": "Choose another name, or replace it.",
  "teach-no-corrections": "Correct the genres of some tracks first.",
};
const RUNNING = ["queued", "running"];

export function Teach({ model, fresh, writes }) {
  const [source, setSource] = useState("corrections");
  const [folder, setFolder] = useState("");
  const [target, setTarget] = useState(model);
  const [job, setJob] = useState(null);
  const [problem, setProblem] = useState(null);
  const [exists, setExists] = useState(false);
  useEffect(() => setTarget(model), [model]);
  useEffect(() => (job && RUNNING.includes(job.state) ? watchJob(job.id, { job: setJob }) : undefined), [job?.id]);
  const isComplete = target.trim() && (source === "corrections" || folder.trim());
  const start = async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      const update = model && source === "corrections" ? { update: model } : {};
      const paths = source === "corrections" ? [] : [folder.trim()];
      setJob(await post("/teach", { from: source, paths, to: target.trim(), ...update, overwrite: exists }));
      setExists(false);
    } catch (refused) {
      setExists(refused.code === "teach-target-exists");
      refused.remedy = REMEDIES[refused.code] ?? refused.remedy;
      setProblem(refused);
    }
  };
  const runs = job !== null && RUNNING.includes(job.state);
  return html`<section class="card review" aria-label="Teach"><h2>Teach</h2>
    <p>A model learns your genres from examples. Five per genre are enough to begin.
      ${fresh > 0 && ` ${several("correction", fresh)} of this visit ${fresh === 1 ? "is" : "are"} among them.`}</p>
    ${writes && html`<form class="toolbar" onSubmit=${start}>
      <${Select} label="Learn from" value=${source} onInput=${setSource} options=${SOURCES} />
      ${source !== "corrections" && html`<${Field} label="Folder on the server" value=${folder} onInput=${setFolder} placeholder="/music" required=${true} />`}
      <${Field} label="Model file to write" value=${target} onInput=${(text) => { setTarget(text); setExists(false); }} placeholder="mine.onnx" required=${true} />
      <${Button} type="submit" kind=${exists ? "danger" : undefined} busy=${runs} disabled=${!isComplete}>${exists ? "Replace it" : "Teach"}<//></form>`}
    ${problem && html`<${ProblemBox} problem=${problem} />`}
    ${runs && html`<p class="note" role="status">${job.state === "queued" ? "Waiting for other jobs" : "Learning"} …</p>
      <progress aria-label="Progress of teaching" max="1" value=${job.total ? job.done / job.total : undefined}></progress>`}
    ${job?.problem && html`<${ProblemBox} problem=${{ message: job.problem.title, ...job.problem }} />`}
    ${job?.state === "done" && html`<${Taught} result=${job.results?.[0]} />`}
  </section>`;
}

function Taught({ result }) {
  if (!result) return null;
  const small = Object.entries(result.left_out?.small ?? {});
  const contradictory = result.left_out?.contradictory?.length ?? 0;
  return html`<div role="status"><h3>The model is ready</h3></div>
    <p class="path">${result.model}</p>
    <p>${several("genre", result.genres.length)}: ${result.genres.join(", ")}</p>
    <${Figures} results=${[{ ...result.figures, split: result.by_group ? "by cross-validation, with other artists or albums than those learned" : "by cross-validation, by track" }]} />
    ${small.length > 0 && html`<p class="note">Left out, for want of examples: ${small.map(([genre, count]) => `${genre} (${count})`).join(", ")}.</p>`}
    ${contradictory > 0 && html`<p class="note">Left out: ${several("track", contradictory)} with contradictory genres.</p>`}
    ${result.problems?.length > 0 && html`<details class="twin"><summary>${several("problem", result.problems.length)} with files</summary><ul>${result.problems.map((text, k) => html`<li key=${k}>${text}</li>`)}</ul></details>`}
    <p><a href="#/models">All models</a> · <a href=${`#/review?model=${encodeURIComponent(result.model)}`}>Review with this one</a></p>`;
}
