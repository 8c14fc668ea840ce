// The page: header, navigation, and the view that the address names (`#/track/ID`).
import { html, render, useEffect, useErrorBoundary, useRef, useState } from "./lib.js";
import { get, onLogin, post } from "./api.js";
import { Button } from "./components/button.js";
import { Dialog } from "./components/dialog.js";
import { Icon } from "./components/icon.js";
import { ProblemBox } from "./components/problem.js";
import { loadColours } from "./components/genre.js";
import { Toasts } from "./components/toast.js";
import { Recognize } from "./views/recognize.js";
import { Track } from "./views/track.js";
import { Library } from "./views/library.js";
import { MapView } from "./views/map.js";
import { Review } from "./views/review.js";
import { Tags } from "./views/tags.js";
import { Playlists } from "./views/playlists.js";
import { Live } from "./views/live.js";
import { Jobs } from "./views/jobs.js";
import { Models } from "./views/models.js";

// Name in the address -> view and title; those with `icon` are in the navigation, in this order.
const VIEWS = {
  "": { view: Recognize, title: "Recognize", icon: "drop" },
  live: { view: Live, title: "Microphone", icon: "microphone" },
  library: { view: Library, title: "Library", icon: "list" },
  map: { view: MapView, title: "Map", icon: "map" },
  review: { view: Review, title: "Review", icon: "check" },
  playlists: { view: Playlists, title: "Playlists", icon: "playlist" },
  tags: { view: Tags, title: "Tags", icon: "tag" },
  jobs: { view: Jobs, title: "Jobs", icon: "clock" },
  models: { view: Models, title: "Models", icon: "box" },
  track: { view: Track, title: "Track" },
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
      <option value="auto" selected=${chosen === "auto"}>as the system</option>
      <option value="light" selected=${chosen === "light"}>light</option>
      <option value="dark" selected=${chosen === "dark"}>dark</option>
    </select></label>`;
}

function Navigation({ current, open, onClose }) {
  return html`<nav id="navigation" class=${open ? "side open" : "side"} aria-label="Views"
      onKeyDown=${(event) => event.key === "Escape" && onClose()}>
    <ul>${Object.entries(VIEWS).filter(([, each]) => each.icon).map(([name, each]) => html`
      <li key=${name}><a href=${`#/${name}`} aria-current=${name === current ? "page" : undefined} onClick=${onClose}>
        <${Icon} name=${each.icon} />${each.title}</a></li>`)}
    </ul>
    <${ThemeSwitch} />
  </nav>`;
}

// Catches an error of a view, so that the rest of the page stays.
function Guarded({ view, ...rest }) {
  const [error, reset] = useErrorBoundary();
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
        <input type="password" autocomplete="current-password" required value=${token}
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
  const first = useRef(true);
  const { view, title } = VIEWS[at.name] ?? {};

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

  const skip = (event) => { event.preventDefault(); main.current.focus(); };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <header class="top">
      <a class="brand" href="#/"><img src="static/icon.svg" alt="" width="26" height="26" />genrelab</a>
      <button type="button" class="menu" aria-expanded=${open ? "true" : "false"} aria-controls="navigation"
        onClick=${() => setOpen(!open)}><${Icon} name="menu" />Menu</button>
    </header>
    <${Navigation} current=${at.name === "track" ? "library" : at.name} open=${open} onClose=${() => setOpen(false)} />
    <main id="main" tabindex="-1" ref=${main}>
      ${view
        ? html`<${Guarded} key=${at.name} view=${view} params=${at.params} query=${at.query} health=${health} />`
        : html`<h1>There is no such page</h1><p><a href="#/">Recognize music</a></p>`}
    </main>
    <${Toasts} />
    ${asked && html`<${Login} asked=${asked} />`}`;
}

const host = document.getElementById("app");
host.textContent = "";
render(html`<${App} />`, host);
