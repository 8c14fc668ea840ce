// Table: <${Table} caption="Genres" columns=${[{ key, title, number: bool, cell: (row) => html`…`, sort: "name" }]}
//          rows=${rows} rowKey=${(row) => row.id} sort="-confidence" onSort=${(sort) => …} />
//   A plain table in a scroll area, for up to some hundred rows. `cell` is optional: default is row[key].
//   `sort` of a column is the name to sort by; clicking its head calls onSort("name"), then onSort("-name").
// DataTwin: <${DataTwin} caption="Confidence over time" columns=… rows=… />: the table beneath a chart, folded.
import { html } from "../lib.js";

function Head({ column, sort, onSort }) {
  const { title, number, sort: name } = column;
  const look = number ? "number" : undefined;
  if (!name) return html`<th scope="col" class=${look}>${title}</th>`;
  const direction = sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
  return html`<th scope="col" class=${look} aria-sort=${direction}>
    <button type="button" class="sort" onClick=${() => onSort(sort === name ? `-${name}` : name)}>${title}
      <span aria-hidden="true">${direction === "ascending" ? "↑" : direction === "descending" ? "↓" : ""}</span></button></th>`;
}

export function Table({ caption, columns, rows, rowKey, sort, onSort, hideCaption = true }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table>
    <caption class=${hideCaption ? "hidden" : undefined}>${caption}</caption>
    <thead><tr>${columns.map((column) => html`<${Head} key=${column.key} column=${column} sort=${sort} onSort=${onSort} />`)}</tr></thead>
    <tbody>${rows.map((row, index) => html`<tr key=${rowKey ? rowKey(row) : index}>${columns.map((column) => html`
      <td key=${column.key} class=${column.number ? "number" : undefined}>${column.cell ? column.cell(row, index) : row[column.key]}</td>`)}</tr>`)}
    </tbody></table></div>`;
}

export function DataTwin({ caption, columns, rows, open = false }) {
  return html`<details class="twin" open=${open}><summary>${caption} as a table</summary>
    <${Table} caption=${caption} columns=${columns} rows=${rows} /></details>`;
}
