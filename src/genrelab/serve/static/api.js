// The HTTP interface, as the page calls it.
//
//   import { get, post, remove, upload, follow, url, Problem } from "./api.js";
//   await get("/tracks", { genre: "jazz", limit: 50 })     query: undefined, null and "" are left out, lists repeat
//   await post("/playlists/preview", { … })                JSON body; also remove(path)
//   upload("/recognize", [file, …], { fields: { full: true }, onProgress(fraction), signal }) -> promise of the JSON answer
//   const stop = follow("/jobs/ID/events", { progress(data) {}, result(data) {}, end(data) {} }); stop();
//   url("/tracks/ID/audio")                                 for <audio src> and links
//   websocket("/live") -> WebSocket
//
// A refusal is thrown as a `Problem` with `message`, `code`, `status`, `path`, `remedy`. A refusal for want of a
// token opens the login, once for all requests that wait, and the request is repeated after it.

const BASE = new URL("../api/v1/", import.meta.url); // works below a path of a reverse proxy too

export class Problem extends Error {
  constructor({ title, status = 0, code = "unknown", path = null, remedy = null }) {
    super(title);
    Object.assign(this, { status, code, path, remedy });
  }
}

export function url(path, query = {}) {
  const address = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") address.searchParams.append(name, each);
    }
  }
  return address.href;
}

export function websocket(path) {
  const address = new URL(path.replace(/^\//, ""), BASE);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address);
}

function problemOf(status, text) {
  try {
    const content = JSON.parse(text);
    if (content && typeof content.title === "string") return new Problem({ ...content, status });
  } catch { /* not JSON: below */ }
  return new Problem({ title: `The server answered with status ${status}.`, status, code: "unexpected" });
}

const unreachable = () => new Problem({
  title: "The server cannot be reached.", code: "unreachable", remedy: "Check whether genrelab serve is still running.",
});

let asked = null; // the login that is open
let logins = 0; // those that are done
let askForToken = () => Promise.reject(new Problem({ title: "This server needs a token.", status: 401, code: "token" }));
// The application says how a token is asked for: a function that resolves when the login is done.
export function onLogin(ask) { askForToken = ask; }
// Log in for a request that was refused, and that was sent after so many logins. If there was one more since, the
// refusal is an old one: it only came late.
async function login(before) {
  if (logins > before) return;
  asked ??= askForToken().then(() => { logins += 1; }).finally(() => { asked = null; });
  await asked;
}

async function call(method, path, { query, body, signal, blob = false, tagged = false } = {}, again = true) {
  const before = logins;
  let response;
  let text;
  try {
    response = await fetch(url(path, query), {
      method,
      signal,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (tagged && response.ok) return { body: await response.blob(), tag: response.headers.get("ETag") };
    if (blob && response.ok) return await response.blob();
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.status === 401 && again && path !== "/session") {
    await login(before);
    return call(method, path, { query, body, signal, blob, tagged }, false);
  }
  if (!response.ok) throw problemOf(response.status, text);
  return text ? JSON.parse(text) : null;
}

export const get = (path, query, { signal } = {}) => call("GET", path, { query, signal });
export const post = (path, body = {}, { query, signal } = {}) => call("POST", path, { body, query, signal });
// The body of an answer as { bytes, tag }, or { content } if it is JSON: for data that is not text.
export async function getData(path, query) {
  const { body, tag } = await call("GET", path, { query, blob: true, tagged: true });
  if (body.type.startsWith("application/json")) return { content: JSON.parse(await body.text()) };
  return { bytes: new Uint8Array(await body.arrayBuffer()), tag };
}
// What a request returns, as a Blob: for files that the browser is to save.
export const postForBlob = (path, body = {}) => call("POST", path, { body, blob: true });
export const remove = (path) => call("DELETE", path);

// Send files as multipart field `file`, after other fields. XMLHttpRequest, because fetch reports no progress of what is sent.
export function upload(path, files, { query, fields = {}, onProgress = () => {}, signal } = {}) {
  const before = logins;
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const file of files) form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", url(path, query));
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status === 401) {
        login(before).then(() => upload(path, files, { query, fields, onProgress, signal })).then(resolve, reject);
      } else if (request.status >= 200 && request.status < 300) {
        resolve(JSON.parse(request.responseText || "null"));
      } else {
        const problem = problemOf(request.status, request.responseText);
        problem.retryAfter = Number(request.getResponseHeader("Retry-After")) || null;
        reject(problem);
      }
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    if (signal?.aborted) request.abort();
    else request.send(form);
  });
}

// Follow server-sent events. `handlers` names events; `open` and `lost` tell about the connection, which the
// browser makes again by itself. Returns a function that ends it.
export function follow(path, handlers) {
  const source = new EventSource(url(path));
  const all = path === "/events"; // there `end` is the end of one of many jobs
  for (const [name, handle] of Object.entries(handlers)) {
    if (name === "open" || name === "lost") continue;
    source.addEventListener(name, (event) => {
      if (name === "end" && !all) source.close();
      handle(JSON.parse(event.data || "null"));
    });
  }
  if (handlers.open) source.addEventListener("open", handlers.open);
  source.addEventListener("error", () => handlers.lost?.(source.readyState === EventSource.CLOSED));
  return () => source.close();
}
