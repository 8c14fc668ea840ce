// The page: header, navigation, and the view that the address names (`#/track/ID`).
import { html, render, useEffect, useErrorBoundary, useRef, useState } from "./lib.js";
import { get, onLogin, post, remove } from "./api.js";
import { Button } from "./components/button.js";
import { Dialog } from "./components/dialog.js";
import { Icon } from "./components/icon.js";
import { Loading, ProblemBox, useLoad } from "./components/problem.js";
import { loadColours } from "./components/genre.js";
import { ListenBar } from "./components/listen.js";
import { Toasts } from "./components/toast.js";

// Name in the address -> view and title; those with `icon` are in the navigation, in this order.
const VIEWS = {
  "": { load: async () => (await import("./views/recognize.js")).Recognize, title: "Recognize", icon: "drop" },
  live: { load: async () => (await import("./views/live.js")).Live, title: "Microphone", icon: "microphone" },
  library: { load: async () => (await import("./views/library.js")).Library, title: "Library", icon: "list" },
  map: { load: async () => (await import("./views/map.js")).MapView, title: "Map", icon: "map" },
  review: { load: async () => (await import("./views/review.js")).Review, title: "Review", icon: "check" },
  playlists: { load: async () => (await import("./views/playlists.js")).Playlists, title: "Playlists", icon: "playlist" },
  tags: { load: async () => (await import("./views/tags.js")).Tags, title: "Tags", icon: "tag" },
  jobs: { load: async () => (await import("./views/jobs.js")).Jobs, title: "Jobs", icon: "clock" },
  models: { load: async () => (await import("./views/models.js")).Models, title: "Models", icon: "box" },
  track: { load: async () => (await import("./views/track.js")).Track, title: "Track" },
};

// `#/track/ID?at=12` -> { name: "track", params: ["ID"], query: URLSearchParams }
function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", ...rest] = path.split("/");
  return { name, params: rest.map(decodeURIComponent), query: new URLSearchParams(query), key: path };
}

function ThemeSwitch() {
  const [chosen, setChosen] = useState(window.genrelabTheme.chosen);
  const change = (event) => { window.genrelabTheme.choose(event.target.value); setChosen(event.target.value); };
  return html`<label class="theme"><span>Colours</span>
    <select value=${chosen} onChange=${change}>
      <option value="auto" selected=${chosen === "auto"}>same as system</option>
      <option value="light" selected=${chosen === "light"}>light</option>
      <option value="dark" selected=${chosen === "dark"}>dark</option>
    </select></label>`;
}

async function logOut() {
  await remove("/session").catch(() => {});
  location.reload();
}

function Navigation({ current, open, onClose, protectedBy }) {
  return html`<nav id="navigation" class=${open ? "side open" : "side"} aria-label="Views"
      onKeyDown=${(event) => event.key === "Escape" && onClose(event)}>
    <ul>${Object.entries(VIEWS).filter(([, each]) => each.icon).map(([name, each]) => html`
      <li key=${name}><a href=${`#/${name}`} aria-current=${name === current ? "page" : undefined} onClick=${onClose}>
        <${Icon} name=${each.icon} />${each.title}</a></li>`)}
    </ul>
    <${ThemeSwitch} />
    ${protectedBy && html`<div class="log-out"><${Button} kind="quiet" onClick=${logOut}>Log out<//></div>`}
  </nav>`;
}

const UNLOADED = { message: "This view cannot be loaded.", remedy: "Check whether the server is still running, then try again." };

// Loads a view when it is first looked at, and catches its errors, so that the rest of the page stays.
function Guarded({ load, title, ...rest }) {
  const [error, reset] = useErrorBoundary();
  const { data: view, problem, reload } = useLoad(load);
  if (problem) return html`<h1>${title}</h1><${ProblemBox} problem=${UNLOADED} onRetry=${reload} />`;
  if (!view) return html`<h1>${title}</h1><${Loading} what="this page" />`;
  if (error) {
    console.error(error);
    return html`<${ProblemBox} problem=${{ message: `This view failed: ${error.message}`, remedy: "Try again, or reload the page." }}
      onRetry=${reset} />`;
  }
  return html`<${view} ...${rest} />`;
}

function Login({ asked }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await post("/session", { token });
      setToken("");
      setProblem(null);
      asked.resolve();
    } catch (refused) { setProblem(refused); }
    setBusy(false);
  };
  const cancel = () => asked.reject({ message: "This server needs a token.", status: 401, remedy: "Reload the page and enter it." });
  return html`<${Dialog} title="Token" open=${true} onClose=${cancel}>
    <form onSubmit=${send}>
      <p>This server is protected. The token is in the file that was given with <code>--token-file</code>.</p>
      <label class="field"><span>Token</span>
        <input type="password" autocomplete="current-password" required autofocus value=${token}
          onInput=${(event) => setToken(event.target.value)} /></label>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
      <div class="actions"><${Button} kind="primary" type="submit" busy=${busy}>Log in<//></div>
    </form>
  <//>`;
}

function App() {
  const [at, setAt] = useState(place);
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(null);
  const [health, setHealth] = useState(null);
  const main = useRef(null);
  const menu = useRef(null);
  const first = useRef(true);
  const { load, title } = VIEWS[at.name] ?? {};

  useEffect(() => {
    onLogin(() => new Promise((resolve, reject) => setAsked({
      resolve: () => { setAsked(null); resolve(); },
      reject: (problem) => { setAsked(null); reject(problem); },
    })));
    const moved = () => { setAt(place()); setOpen(false); };
    addEventListener("hashchange", moved);
    get("/health").then(setHealth, () => {});
    loadColours();
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    document.title = title ? `${title} · genrelab` : "genrelab";
    if (first.current) { first.current = false; return; }
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true }); // a screen reader then starts with the new view
  }, [at.key]);

  const close = (event) => {
    setOpen(false);
    if (event.type === "keydown") menu.current.focus();
  };
  const skip = (event) => { event.preventDefault(); main.current.focus(); };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <header class="top">
      <a class="brand" href="#/"><img src="static/icon.svg" alt="" width="26" height="26" />genrelab</a>
      <button type="button" class="menu" ref=${menu} aria-expanded=${open ? "true" : "false"} aria-controls="navigation"
        onClick=${() => setOpen(!open)}><${Icon} name="menu" />Menu</button>
    </header>
    <${Navigation} current=${at.name === "track" ? "library" : at.name} open=${open} onClose=${close} protectedBy=${health?.needs_token} />
    <main id="main" tabindex="-1" ref=${main}>
      ${load
        ? html`<${Guarded} key=${at.name} load=${load} title=${title} params=${at.params} query=${at.query} health=${health} />`
        : html`<h1>There is no such page</h1><p><a href="#/">Recognize music</a></p>`}
    </main>
    <${ListenBar} />
    <${Toasts} />
    ${asked && html`<${Login} asked=${asked} />`}`;
}

const host = document.getElementById("app");
host.textContent = "";
render(html`<${App} />`, host);
