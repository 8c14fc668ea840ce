// TagHistory: <${TagHistory} writes=${bool} />: what was written, and taking it back.
import { baseName, html, moment, several, useState, whole } from "../lib.js";
import { get, post } from "../api.js";
import { Button } from "./button.js";
import { Confirm } from "./dialog.js";
import { Checkbox } from "./field.js";
import { Empty, Loading, ProblemBox, useLoad } from "./problem.js";
import { Table } from "./table.js";
import { toast } from "./toast.js";
import { Change } from "./values.js";

const PAGE = 50;
const PAUSE = 20_000; // milliseconds
const FIELDS = [["", ""], ["mood_", "mood"], ["grouping_", "grouping"]];

export function TagHistory({ writes }) {
  const [offset, setOffset] = useState(0);
  const [asked, setAsked] = useState(null); // the changes to undo
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const { data, problem, loading, reload } = useLoad(() => get("/tags/history", { limit: PAGE, offset }), [offset]);
  const undo = async () => {
    setBusy(true);
    try {
      const { items } = await post("/tags/undo", { changes: asked.map(({ change }) => change), force });
      const failed = items.filter(({ status }) => status === "error");
      const done = items.filter(({ status }) => status === "undone").length;
      toast(failed.length ? { message: `${several("write", done)} undone, ${failed.length} not.`, remedy: failed[0].note } : `${several("write", done)} undone.`);
      setAsked(null);
      await reload();
    } catch (refused) {
      toast(refused);
    }
    setBusy(false);
  };
  if (problem) return html`<${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (!data) return loading && html`<${Loading} what="the history" />`;
  if (!data.total) return html`<div class="card"><${Empty} title="Nothing has been written yet"><p>What you write appears here, and can be undone.</p><//></div>`;
  const columns = [
    { key: "path", title: "File", cell: ({ id, path }) => (id ? html`<a href=${`#/track/${id}`} title=${path}>${baseName(path)}</a>` : html`<span title=${path}>${baseName(path)}</span>`) },
    { key: "what", title: "Change", cell: (row) => html`${FIELDS.filter(([field]) => row[`${field}before`]).map(([field, name]) => html`<div key=${field}>${name && html`<span class="note">${name} </span>`}<${Change} before=${row[`${field}before`]} after=${row[`${field}after`]} /></div>`)}${row.note && html`<span class="note">${row.note}</span>`}` },
    { key: "undo", title: "Undo", cell: (row) => (row.undoable ? writes && html`<${Button} kind="quiet" aria-label=${`Undo the write to ${baseName(row.path)}`} onClick=${() => setAsked([row])}>Undo<//>` : html`<span class="note">after the later one</span>`) },
  ];
  return html`<p class="note">${several("write", data.total)} can be undone.</p>
    ${together(data.items).map((rows) => html`<section class="card" key=${rows[0].change} aria-label=${`Written ${moment(rows[0].when)}`}>
      <div class="title-row"><h2>${moment(rows[0].when) || "By an older version"}, ${several("file", rows.length)}</h2>
        ${writes && rows.length > 1 && html`<${Button} onClick=${() => setAsked(rows)}>Undo all ${whole(rows.length)} …<//>`}</div>
      <${Table} caption="Writes, latest first" columns=${columns} rows=${rows} rowKey=${({ change }) => change} /></section>`)}
    ${data.total > PAGE && html`<div class="row"><${Button} disabled=${offset === 0} onClick=${() => setOffset(Math.max(0, offset - PAGE))}>Later<//>
        <p class="note">${whole(offset + 1)} to ${whole(offset + data.items.length)}</p>
        <${Button} disabled=${offset + PAGE >= data.total} onClick=${() => setOffset(offset + PAGE)}>Earlier<//></div>`}
    <${Confirm} title=${`Undo ${several("write", asked?.length ?? 0)}?`} open=${asked !== null} action="Undo" busy=${busy} onConfirm=${undo} onClose=${() => setAsked(null)}>
      <p>The tags ${asked?.length === 1 ? `of ${baseName(asked[0].path)} ` : ""}go back to what they were before. The sound does not change.</p>
      <${Checkbox} label="Also files that another program has changed since" checked=${force} onInput=${setForce} />
    <//>`;
}

// Writes without a pause between them belong together: one click wrote them.
function together(items) {
  const groups = [];
  let before = null;
  for (const item of items) {
    const now = item.when === null ? null : Date.parse(item.when);
    const isNear = groups.length > 0 && (now === before || (now !== null && before !== null && Math.abs(before - now) < PAUSE));
    if (isNear) groups.at(-1).push(item);
    else groups.push([item]);
    before = now;
  }
  return groups;
}
