// Teach: <${Teach} model=${path} fresh=${count} />: make a model of the corrections, and show how good it is.
import { html, several, useEffect, useState } from "../lib.js";
import { get, post } from "../api.js";
import { watchJob } from "../job_feed.js";
import { Button } from "./button.js";
import { Field } from "./field.js";
import { Figures } from "./figures.js";
import { ProblemBox } from "./problem.js";

export function Teach({ model, fresh, writes }) {
  const [target, setTarget] = useState(model);
  const [job, setJob] = useState(null);
  const [made, setMade] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => setTarget(model), [model]);
  useEffect(() => {
    if (!job?.id || job.ended) return undefined;
    return watchJob(job.id, { job: setJob });
  }, [job?.id]);
  useEffect(() => {
    if (job?.state !== "done") return;
    get("/models").then(({ items }) => setMade(items.find(({ path }) => path === target.trim()) ?? null), setProblem);
  }, [job?.state]);
  const start = async (event) => {
    event.preventDefault();
    setProblem(null);
    setMade(null);
    try {
      setJob(await post("/teach", { from: "corrections", to: target.trim(), ...(model ? { update: model } : {}) }));
    } catch (refused) {
      setProblem(refused);
    }
  };
  const runs = job && ["queued", "running"].includes(job.state);
  return html`<section class="card review"><h2>Teach</h2>
    <p>A model learns from your corrections${fresh ? `, ${several("correction", fresh)} of this visit among them` : ""}. Five examples per genre are enough to begin.</p>
    ${writes && html`<form class="toolbar" onSubmit=${start}>
      <${Field} label="Model file to write" value=${target} onInput=${setTarget} placeholder="/music/mine.onnx" required=${true} />
      <${Button} type="submit" busy=${runs} disabled=${!target.trim()}>Teach<//></form>`}
    ${problem && html`<${ProblemBox} problem=${problem} />`}
    ${runs && html`<p class="note" role="status">${job.state === "queued" ? "waiting for other jobs" : "learning"} …</p>
      <progress aria-label="Progress of teaching" max="1" value=${job.total ? job.done / job.total : undefined}></progress>`}
    ${job?.problem && html`<${ProblemBox} problem=${{ message: job.problem.title, ...job.problem }} />`}
    ${job?.state === "done" && html`<h3 role="status">The model is ready</h3>${made && html`<${Figures} results=${made.results} />`}<p><a href="#/models">All models</a></p>`}
  </section>`;
}
