// Write tags: choose, see what would change, confirm; and take it back.
import { baseName, html, percent, several, useRef, useState, whole } from "../lib.js";
import { post, Problem } from "../api.js";
import { Button } from "../components/button.js";
import { Confirm } from "../components/dialog.js";
import { Checkbox, Field } from "../components/field.js";
import { ProblemBox } from "../components/problem.js";
import { ReadOnly } from "../components/read_only.js";
import { useSelection } from "../components/selection.js";
import { Table } from "../components/table.js";
import { OPTIONS, TagOptions } from "../components/tag_options.js";
import { TagHistory } from "../components/tag_history.js";
import { toast } from "../components/toast.js";
import { Change } from "../components/values.js";

const MOST_SHOWN = 200;

export function Tags({ query, health }) {
  const tab = query.get("tab") === "history" ? "history" : "write";
  const link = (name, title) => html`<a href=${name === "write" ? "#/tags" : `#/tags?tab=${name}`} aria-current=${name === tab ? "page" : undefined}>${title}</a>`;
  return html`<h1>Tags</h1>
    <nav class="tabs" aria-label="Tags">${link("write", "Write")}${link("history", "History")}</nav>
    ${health && !health.writes && html`<${ReadOnly} what=${tab === "history" ? "undo writes" : "write tags"} />`}
    ${tab === "history" ? html`<${TagHistory} writes=${health?.writes} />` : html`<${Write} writes=${health?.writes} />`}`;
}

function Write({ writes }) {
  const selection = useSelection();
  const [source, setSource] = useState(selection.size ? "selection" : "path");
  const [path, setPath] = useState("");
  const [options, setOptions] = useState(OPTIONS);
  const [plan, setPlan] = useState(null); // { records, body } that were planned together
  const [result, setResult] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const shown = useRef(null);
  const turn = useRef(0);

  const change = (run) => (value) => { run(value); setPlan(null); setResult(null); };
  const isComplete = (source === "selection" ? selection.size > 0 : path.trim()) && options.fields.length > 0;
  const ask = async (run) => {
    const mine = (turn.current += 1);
    setBusy(true);
    setProblem(null);
    try {
      await run(() => turn.current === mine);
    } catch (refused) {
      if (turn.current === mine) setProblem(refused);
    }
    if (turn.current === mine) setBusy(false);
  };
  const preview = (event) => {
    event.preventDefault();
    ask(async (isMine) => {
      const body = { ...(source === "selection" ? { ids: selection.ids() } : { paths: [path.trim()] }), ...asked(options) };
      const { items, plan_id: planId } = await post("/tags/plan", body);
      if (!isMine()) return;
      setPlan({ items, body: { ...body, plan_id: planId } });
      setResult(null);
      shown.current?.focus();
    });
  };
  const write = () => ask(async () => {
    let items;
    try {
      ({ items } = await post("/tags/write", plan.body));
    } catch (refused) {
      if (refused.code !== "plan-outdated") throw refused;
      setAsking(false);
      setPlan(null);
      throw new Problem({ title: refused.message, code: refused.code, remedy: "Show again what would change." });
    }
    setAsking(false);
    setPlan(null);
    setResult(items);
    const failed = items.filter(({ status }) => status === "error").length;
    toast(`${several("file", items.filter(({ status }) => status === "written").length)} written${failed ? `, ${failed} failed` : ""}.`);
    shown.current?.focus();
  });
  const takeBack = () => ask(async () => {
    const ids = result.filter(({ status }) => status === "written").map(({ id }) => id);
    const { items } = await post("/tags/undo", { ids });
    setResult(items);
    toast(`${several("file", items.filter(({ status }) => status === "undone").length)} undone.`);
    shown.current?.focus();
  });
  const planned = plan?.items.filter(({ status }) => status === "would write").length ?? 0;

  return html`<form class="card" onSubmit=${preview}>
      <fieldset><legend>Files</legend>
        <div class="radios">
          <label><input type="radio" name="source" checked=${source === "selection"} disabled=${!selection.size} onChange=${change(() => setSource("selection"))} />
            ${selection.size ? `The ${several("selected track", selection.size)}` : "Selected tracks (select some in the library or on the map)"}</label>
          <label><input type="radio" name="source" checked=${source === "path"} onChange=${change(() => setSource("path"))} /> A folder or file</label>
        </div>
        ${source === "path" && html`<${Field} label="Folder or file on the server" value=${path} onInput=${change(setPath)} placeholder="/music/new" />`}
      </fieldset>
      <${TagOptions} options=${options} onInput=${change(setOptions)} />
      <${Button} kind=${plan ? undefined : "primary"} type="submit" busy=${busy && !asking} disabled=${!isComplete}>Show what would change<//>
      ${!asking && problem && html`<${ProblemBox} problem=${problem} />`}
    </form>
    <div ref=${shown} tabindex="-1">
      ${plan && html`<section class="card" aria-label="Plan">
        <div class="title-row"><h2>${planned ? `${several("file", planned)} would change` : "Nothing would change"}</h2>
          ${planned > 0 && (writes ? html`<${Button} kind="primary" onClick=${() => setAsking(true)}>Write ${several("file", planned)} …<//>` : html`<p class="note">Nothing is written by this server.</p>`)}</div>
        <${Records} items=${plan.items} caption="What would change" />
      </section>`}
      ${result && html`<section class="card" aria-label="Result">
        <div class="title-row"><h2>${outcome(result)}</h2><div class="row"><a href="#/tags?tab=history">History and undo</a>
          ${result.some(({ status }) => status === "written") && html`<${Button} busy=${busy} onClick=${takeBack}>Undo this write<//>`}</div></div>
        <${Records} items=${result} caption="What was done" />
      </section>`}
    </div>
    <${Confirm} title="Write tags?" open=${asking} action=${`Write ${several("file", planned)}`} busy=${busy} onConfirm=${write} onClose=${() => setAsking(false)}>
      <p>${several("file", planned)} will change: ${options.fields.map((field) => ({ genre: "genre", mood: "moods", grouping: "styles" })[field]).join(", ")}.</p>
      <p>The sound and all other tags stay as they are. Each write can be undone under History.</p>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
    <//>`;
}

function outcome(items) {
  const count = (wanted) => items.filter(({ status }) => status === wanted).length;
  const parts = [["written", "written"], ["undone", "undone"], ["error", "failed"]].filter(([status]) => count(status));
  return parts.map(([status, text], k) => `${k ? whole(count(status)) : several("file", count(status))} ${text}`).join(", ") || "No file changed";
}

// The options as a request has them: what is empty is left out.
function asked({ min_confidence: least, genre, by, ...rest }) {
  const chosen = rest.fields.includes("genre") && genre.trim();
  return {
    ...rest,
    ...(least === "" ? {} : { min_confidence: Number(least) / 100 }),
    ...(chosen ? { genre: genre.split(";").map((each) => each.trim()).filter(Boolean), guess: false } : {}),
    ...(by && !chosen ? { by } : {}),
  };
}

const ORDER = { error: 0, "would write": 1, written: 1, undone: 1, left: 2 };

function Records({ items, caption }) {
  const [all, setAll] = useState(false);
  const sorted = [...items].sort((a, b) => ORDER[a.status] - ORDER[b.status]);
  const changed = sorted.filter(({ status }) => status !== "left");
  const rows = (all ? sorted : changed).slice(0, MOST_SHOWN);
  const left = items.length - changed.length;
  const columns = [
    { key: "path", title: "File", cell: ({ id, path }) => (id ? html`<a href=${`#/track/${id}`} title=${path}>${baseName(path)}</a>` : html`<span title=${path}>${baseName(path)}</span>`) },
    { key: "genre", title: "Genre", cell: (row) => html`<${Change} before=${row.before ?? []} after=${row.status === "left" ? (row.before ?? []) : (row.after ?? [])} />` },
    ...["mood", "grouping"]
      .filter((field) => items.some((row) => row[`${field}_before`]))
      .map((field) => ({ key: field, title: field === "mood" ? "Mood" : "Grouping", cell: (row) => row[`${field}_before`] && html`<${Change} before=${row[`${field}_before`]} after=${row[`${field}_after`]} />` })),
    { key: "confidence", title: "Confidence", number: true, cell: (row) => percent(row.confidence) },
    { key: "note", title: "Note", cell: (row) => html`${row.status === "error" && html`<strong>failed: </strong>`}${row.note ?? ""}` },
  ];
  return html`${left > 0 && html`<${Checkbox} label=${`Also the ${whole(left)} that stay as they are`} checked=${all} onInput=${setAll} />`}
    ${rows.length > 0 && html`<${Table} caption=${caption} columns=${columns} rows=${rows} />`}
    ${(all ? sorted : changed).length > rows.length && html`<p class="note">The first ${MOST_SHOWN} are shown.</p>`}`;
}
