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
  if (!data.total) return html`<div class="card"><${Empty} title="Nothing was written yet"><p>What you write appears here, and can be undone.</p><//></div>`;
  const open = data.items.filter(canUndo);
  const columns = [
    { key: "path", title: "File", cell: ({ id, path }) => (id ? html`<a href=${`#/track/${id}`} title=${path}>${baseName(path)}</a>` : html`<span title=${path}>${baseName(path)}</span>`) },
    { key: "what", title: "Change", cell: (row) => html`<${Change} before=${row.before ?? []} after=${row.after ?? []} />` },
    { key: "when", title: "When", cell: ({ when }) => moment(when) },
    { key: "undo", title: "Undo", cell: (row) => (canUndo(row) ? writes && html`<${Button} kind="quiet" aria-label=${`Undo the write to ${baseName(row.path)}`} onClick=${() => setAsked([row])}>Undo<//>` : html`<span class="note">${row.undoes ? "an undo" : "undone"}</span>`) },
  ];
  return html`<section class="card" aria-label="History">
      <div class="title-row"><h2>${several("write", data.total)}</h2>
        ${writes && open.length > 1 && html`<${Button} onClick=${() => setAsked(open)}>Undo these ${whole(open.length)} …<//>`}</div>
      <${Table} caption="Writes, the last first" columns=${columns} rows=${data.items} rowKey=${({ change }) => change} />
      ${data.total > PAGE && html`<div class="row"><${Button} disabled=${offset === 0} onClick=${() => setOffset(Math.max(0, offset - PAGE))}>Later<//>
        <p class="note">${whole(offset + 1)} to ${whole(offset + data.items.length)}</p>
        <${Button} disabled=${offset + PAGE >= data.total} onClick=${() => setOffset(offset + PAGE)}>Earlier<//></div>`}
    </section>
    <${Confirm} title=${`Undo ${several("write", asked?.length ?? 0)}?`} open=${asked !== null} action="Undo" busy=${busy} onConfirm=${undo} onClose=${() => setAsked(null)}>
      <p>The tags become again what they were before ${asked?.length === 1 ? baseName(asked[0].path) : "these writes"} was written. The sound does not change.</p>
      <${Checkbox} label="Also files that another program has changed since" checked=${force} onInput=${setForce} />
    <//>`;
}

const canUndo = ({ undone, undoes }) => !undone && !undoes;
