// What happens to the jobs of the server, over one connection for the whole page.
//
//   const stop = watchJob(id, { job(job) {} });   until the job has ended; only then `job.results` is filled
//   const stop = watchResults(id, { job(job) {}, result(recognition) {} });   with each result when it is there
//   const stop = watchJobs((job) => …);                                   every change of every job
//
// A browser opens only few connections to a server, so there is no stream per job. When the connection was lost,
// the watched jobs are asked for once it is back: nothing that happened meanwhile is missed.
import { follow, get } from "./api.js";

const ENDED = new Set(["done", "failed", "cancelled"]);
const watched = new Map(); // id -> Set of handlers
const everything = new Set();
let stop = null;

function tell(job) {
  for (const each of watched.get(job.id) ?? []) each.job?.(job);
  for (const each of everything) each(job);
  if (ENDED.has(job.state)) watched.delete(job.id);
  close();
}

async function refresh(id) {
  try { tell(await get(`/jobs/${id}`)); } catch (problem) {
    if (problem.status === 404) tell({ id, state: "failed", results: [], problem: { title: "The job is no longer known to the server." } });
  }
}

const refreshAll = () => { for (const id of watched.keys()) refresh(id); };

let again = null;
function open() {
  clearTimeout(again);
  stop ??= follow("/events", {
    open: refreshAll,
    progress: tell,
    end: (job) => (watched.has(job.id) ? refresh(job.id) : tell(job)),
    lost: (closed) => { // refused, such as by a restarting proxy: the browser gives up, this does not
      if (!closed) return;
      stop = null;
      again = setTimeout(() => { open(); refreshAll(); }, 3000); // where the session has ended, this asks for the token
    },
  });
}

function close() {
  if (watched.size || everything.size) return;
  clearTimeout(again);
  stop?.();
  stop = null;
}

export function watchJob(id, handlers) {
  const set = watched.get(id) ?? new Set();
  watched.set(id, set.add(handlers));
  if (stop) refresh(id); else open();
  return () => {
    set.delete(handlers);
    if (!set.size) watched.delete(id);
    close();
  };
}

export function watchJobs(handler) {
  everything.add(handler);
  open();
  return () => { everything.delete(handler); close(); };
}

// A stream of its own for one job, while there are few of them; the others wait for their end.
const MOST_STREAMS = 2;
let streams = 0;

export function watchResults(id, { job, result }) {
  if (streams >= MOST_STREAMS) return watchJob(id, { job });
  streams += 1;
  let open = true;
  const closed = () => { if (open) { open = false; streams -= 1; } };
  const end = follow(`/jobs/${id}/events`, {
    progress: job,
    result,
    end: (last) => { closed(); job(last); },
    lost: (forGood) => { if (forGood && open) { closed(); watchJob(id, { job }); } },
  });
  return () => { closed(); end(); };
}
