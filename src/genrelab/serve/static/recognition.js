// What was given to recognize in this visit, and what became of it. It lives outside the view, so that it goes on
// while you look at another view.
//
//   addFiles([{file, name}], { full, again }), addFolder(path, { full, again }), cancel(item), clear(), retry(item)
//   useItems() -> [item, …], newest first
//   item: { key, name, file, state: "waiting" | "sending" | "queued" | "running" | "done" | "failed" | "cancelled",
//           sent (0..1), job, done, total, results: [recognition], problem }
import { useEffect, useState } from "./lib.js";
import { get, post, remove, upload } from "./api.js";
import { watchJob, watchResults } from "./job_feed.js";

const AT_ONCE = 2; // uploads; the server recognizes one file at a time
const ENDED = new Set(["done", "failed", "cancelled"]);

let items = [];
let sending = 0;
let key = 0;
let drawn = false;
const watchers = new Set();

function changed() { // at most one drawing per frame, however many events arrive
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => { drawn = false; items = [...items]; for (const each of watchers) each(items); });
}

function set(item, values) {
  Object.assign(item, values);
  changed();
}

export function useItems() {
  const [shown, show] = useState(items);
  useEffect(() => { show(items); watchers.add(show); return () => watchers.delete(show); }, []);
  return shown;
}

export const isOpen = (item) => !ENDED.has(item.state);

const fresh = (values) => ({
  key: (key += 1), state: "waiting", sent: 0, job: null, done: 0, total: null, results: [], problem: null, stop: null, retries: 0, ...values,
});

export function addFiles(files, options) {
  items.unshift(...files.map(({ file, name }) => fresh({ file, name, options })));
  changed();
  next();
}

export function addFolder(path, options) {
  const item = fresh({ name: path, path, options });
  items.unshift(item);
  changed();
  ask(item);
}

export function retry(item) {
  set(item, { state: "waiting", problem: null, sent: 0, results: [], job: null, done: 0, total: null });
  if (item.file) next(); else ask(item);
}

export function clear() {
  items = items.filter(isOpen);
  changed();
}

export function cancel(item) {
  item.stop?.abort();
  const { job } = item;
  set(item, { state: "cancelled" });
  if (job) remove(`/jobs/${job}`).catch((problem) => set(item, { problem }));
}

// Start the oldest uploads that wait.
function next() {
  for (const item of [...items].reverse()) {
    if (sending >= AT_ONCE) return;
    if (item.state === "waiting" && item.file) send(item);
  }
}

const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });

async function send(item) {
  sending += 1;
  const stop = new AbortController();
  set(item, { state: "sending", stop });
  try {
    accepted(item, await upload("/recognize", [item.file], {
      fields: item.options, signal: stop.signal, onProgress: (sent) => set(item, { sent }),
    }));
  } catch (problem) {
    const busy = problem.status === 429 || problem.status === 503; // asked to slow down
    if (problem.name === "AbortError") set(item, { state: "cancelled" });
    else if (busy && item.retries < 20) {
      set(item, { sent: 0, retries: item.retries + 1 });
      await pause(problem.retryAfter ?? 2);
      if (item.state === "sending") set(item, { state: "waiting" }); // unless it was cancelled meanwhile
    } else set(item, { state: "failed", problem });
  }
  sending -= 1;
  next();
}

async function ask(item) {
  try {
    accepted(item, await post("/recognize", { paths: [item.path], ...item.options }));
  } catch (problem) { set(item, { state: "failed", problem }); }
}

function accepted(item, job) {
  if (item.state === "cancelled") { remove(`/jobs/${job.id}`).catch(() => {}); return; }
  item.job = job.id;
  take(item, job);
  if (!isOpen(item)) return;
  const handlers = { job: (now) => take(item, now) };
  if (item.file) watchJob(job.id, handlers); // one file: its answer comes with the end
  else {
    watchResults(job.id, {
      ...handlers,
      result: (result) => { if (item.state !== "cancelled") set(item, { results: [...item.results, result] }); },
    });
  }
}

function take(item, job) {
  if (item.state === "cancelled") return;
  const values = { state: job.state, done: job.done, total: job.total };
  if (job.results?.length >= item.results.length) values.results = job.results;
  if (job.problem) values.problem = { message: job.problem.title, ...job.problem };
  set(item, values);
}

// const thresholdOf = useThresholds(); thresholdOf(recognition): the confidence below which its model abstains, to
// explain `unsure`; undefined if the model is not known.
let models = null;
export function useThresholds() {
  const [known, setKnown] = useState([]);
  useEffect(() => {
    models ??= get("/models").then(({ items: found }) => found, () => { models = null; return []; });
    models.then(setKnown);
  }, []);
  return ({ model, genres }) => known.find((each) => each.identity === model)?.thresholds?.[genres[0]?.genre];
}
