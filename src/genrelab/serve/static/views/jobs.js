// Jobs: what the server does and did; progress, cancel, results.
import { baseName, html, moment, percent, several, useEffect, useMemo, useState, whole } from "../lib.js";
import { get, remove } from "../api.js";
import { watchJobs } from "../job_feed.js";
import { Button } from "../components/button.js";
import { Select } from "../components/field.js";
import { GenreChip } from "../components/genre.js";
import { Empty, Loading, ProblemBox, useLoad } from "../components/problem.js";
import { Table } from "../components/table.js";
import { toast } from "../components/toast.js";

const PAGE = 25;
const MOST_RESULTS = 200; // shown of one job
const STATES = { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" };
const KINDS = { recognize: "Recognize", teach: "Teach" };
const isOpen = (job) => job.state === "queued" || job.state === "running";

function Results({ id, done, state }) {
  const { data, problem, loading, reload } = useLoad(() => get(`/jobs/${id}`), [id, state]);
  if (problem) return html`<${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (loading && !data) return html`<${Loading} what="results" />`;
  const { results } = data;
  if (!results.length) return html`<p class="note">${isOpen(data) ? "No results yet." : "This job has no results."}</p>`;
  const columns = [
    { key: "name", title: "File", cell: (row) => (row.id
      ? html`<a href=${`#/track/${row.id}`}>${baseName(row.path)}</a>` : baseName(row.path)) },
    { key: "genre", title: "Genre", cell: (row) => (row.error ? html`<span class="bad">${row.error}</span>` : html`<${GenreChip} genre=${row.genre} />`) },
    { key: "confidence", title: "Confidence", number: true, cell: (row) => percent(row.confidence) },
  ];
  return html`${results.length > MOST_RESULTS && html`<p class="note">The first ${MOST_RESULTS} of ${whole(results.length)}.</p>`}
    ${done > results.length && html`<${Button} kind="quiet" onClick=${reload}>Show new results<//>`}
    <${Table} caption="Results" columns=${columns} rows=${results.slice(0, MOST_RESULTS)} />`;
}

function JobCard({ job, onCancel }) {
  const [open, setOpen] = useState(false);
  const count = job.total == null ? (job.done ? whole(job.done) : "") : `${whole(job.done)} of ${several("file", job.total)}`;
  const when = job.ended ? `ended ${moment(job.ended)}` : job.started ? `started ${moment(job.started)}` : `queued ${moment(job.created)}`;
  const kind = KINDS[job.kind] ?? job.kind;
  return html`<li class="card job">
    <div class="item-head"><h2>${kind} <span class=${`job-state ${job.state}`}>${STATES[job.state] ?? job.state}</span></h2>
      ${isOpen(job) && html`<${Button} kind="quiet" aria-label=${`Cancel the job ${kind} of ${moment(job.created)}`} onClick=${() => onCancel(job)}>Cancel<//>`}</div>
    <p class="note">${[count, when].filter(Boolean).join(" · ")}</p>
    ${isOpen(job) && html`<progress max="1" value=${job.state === "running" && job.total ? job.done / job.total : job.state === "queued" ? 0 : undefined}
      aria-label=${`Progress of ${kind}`} />`}
    ${job.problem && html`<${ProblemBox} problem=${{ message: job.problem.title, ...job.problem }} />`}
    <details onToggle=${(event) => setOpen(event.target.open)}><summary>Results</summary>
      ${open && html`<${Results} id=${job.id} done=${job.done} state=${job.state} />`}</details>
  </li>`;
}

export function Jobs() {
  const [state, setState] = useState("");
  const [offset, setOffset] = useState(0);
  const [news, setNews] = useState({}); // id -> what the events said since the list was loaded
  const { data, problem, loading, reload } = useLoad(() => get("/jobs", { state, limit: PAGE, offset }), [state, offset]);
  const known = useMemo(() => new Set(data?.items.map((job) => job.id)), [data]);
  useEffect(() => {
    setNews({});
    let timer = null;
    const stop = watchJobs((job) => {
      if (known.has(job.id)) setNews((old) => ({ ...old, [job.id]: job }));
      else { clearTimeout(timer); timer = setTimeout(reload, 500); } // a new job
    });
    return () => { stop(); clearTimeout(timer); };
  }, [known]);
  const cancel = async (job) => {
    try { await remove(`/jobs/${job.id}`); await reload(); } catch (refused) { toast(refused); }
  };
  const jobs = (data?.items ?? []).map((job) => ({ ...job, ...news[job.id] }));
  return html`<div class="title-row"><h1>Jobs</h1>
      <${Select} label="State" hideLabel=${true} value=${state} onInput=${(value) => { setOffset(0); setState(value); }}
        options=${[["", "all states"], ...Object.entries(STATES)]} /></div>
    ${problem && html`<${ProblemBox} problem=${problem} onRetry=${reload} />`}
    ${loading && !data && html`<${Loading} what="jobs" />`}
    ${data && !jobs.length && html`<${Empty} title=${state ? "No job is in this state" : "No jobs yet"}>
      <p><a href="#/">Recognize music</a>, and the work appears here.</p><//>`}
    <ul class="answers">${jobs.map((job) => html`<${JobCard} key=${job.id} job=${job} onCancel=${cancel} />`)}</ul>
    ${data && data.total > PAGE && html`<div class="row">
      <${Button} disabled=${offset === 0} onClick=${() => setOffset(Math.max(0, offset - PAGE))}>Newer<//>
      <span class="note">${whole(offset + 1)}–${whole(Math.min(data.total, offset + PAGE))} of ${whole(data.total)}</span>
      <${Button} disabled=${offset + PAGE >= data.total} onClick=${() => setOffset(offset + PAGE)}>Older<//></div>`}`;
}
