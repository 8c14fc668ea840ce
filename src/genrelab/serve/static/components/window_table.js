// A table of any length: only the rows in view are in the document.
//
// It is an ARIA grid with one stop for the Tab key. The arrow keys, Home, End and the page keys move; Enter
// opens; the space bar selects, with Shift up to there; Ctrl+A selects all, Escape nothing.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";

const MOST_HEIGHT = 8_000_000; // pixels; browsers cut taller elements, so that longer tables are scaled
const SPARE = 6; // rows above and below
const NARROW = 740; // pixels of width below which a row is a card: what the columns of the library need

/**
 * @param {object} props
 * @param {string} props.label
 * @param {{name: string, title: string, track: string, sort?: boolean, kind?: string, cell: Function}[]} props.columns
 * @param {import("./pages.js").Pages} props.pages
 * @param {(item: object) => boolean} props.isSelected
 * @param {(from: number, to: number, kind: "toggle" | "range" | "all" | "none") => void} props.onSelect
 * @param {(item: object) => void} props.onOpen
 * @param {(item: object) => void} [props.onPlay]
 * @param {string} props.sort name of a column, with - for the reverse
 * @param {(sort: string) => void} props.onSort
 * @param {number} props.start the row to begin with
 * @param {(row: number) => void} props.onMove
 */
export function WindowTable(props) {
  const { label, columns, pages, isSelected, onSelect, onOpen, onPlay, sort, onSort, start, onMove } = props;
  const box = useRef(null);
  const [active, setActive] = useState(start);
  const [top, setTop] = useState(0);
  const [size, setSize] = useState({ width: 1000, height: 400 });
  const anchor = useRef(start);
  const total = pages.total ?? 0;
  const isNarrow = size.width < NARROW;
  const rowHeight = isNarrow ? 72 : 40;
  const measure = measured(total, rowHeight, size.height);
  const first = Math.max(0, Math.floor(measure.rowAt(top)) - SPARE);
  const last = Math.min(total - 1, Math.ceil(measure.rowAt(top) + size.height / rowHeight) + SPARE);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      setSize({ width: box.current.clientWidth, height: box.current.clientHeight });
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  // Another list begins at its own row.
  useLayoutEffect(() => {
    setActive(start);
    anchor.current = start;
  }, [pages]);
  useLayoutEffect(() => {
    if (total) show(active);
  }, [pages, total > 0, isNarrow]);
  useEffect(() => pages.want(first, Math.max(first, last)), [pages, first, last]);

  function show(row) {
    const at = measure.rowAt(box.current.scrollTop);
    const whole = Math.max(1, Math.floor((size.height - rowHeight) / rowHeight)); // the header covers one row
    const wanted = row < at ? row : row > at + whole - 1 ? row - whole + 1 : null;
    if (wanted === null) return;
    box.current.scrollTop = measure.topOf(Math.max(0, wanted));
    setTop(box.current.scrollTop);
  }

  function go(row, isRange) {
    const next = Math.max(0, Math.min(total - 1, row));
    setActive(next);
    onMove(next);
    show(next);
    if (isRange) onSelect(anchor.current, next, "range");
    else anchor.current = next;
  }

  function toggle(row, isRange) {
    if (isRange) onSelect(anchor.current, row, "range");
    else {
      anchor.current = row;
      onSelect(row, row, "toggle");
    }
  }

  function key(event) {
    if (event.target !== box.current || event.altKey || !total) return;
    const page = Math.max(1, Math.floor(size.height / rowHeight) - 2);
    const isRange = event.shiftKey;
    const actions = {
      ArrowDown: () => go(active + 1, isRange),
      ArrowUp: () => go(active - 1, isRange),
      PageDown: () => go(active + page, isRange),
      PageUp: () => go(active - page, isRange),
      Home: () => go(0, isRange),
      End: () => go(total - 1, isRange),
      Enter: () => pages.item(active) && onOpen(pages.item(active)),
      " ": () => toggle(active, isRange),
      Escape: () => onSelect(0, 0, "none"),
    };
    if ((event.ctrlKey || event.metaKey) && event.key === "a") actions.a = () => onSelect(0, total - 1, "all");
    else if ((event.ctrlKey || event.metaKey) && !["Home", "End"].includes(event.key)) return;
    else if (event.key === "p" && onPlay) actions.p = () => pages.item(active) && onPlay(pages.item(active));
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  function click(event, row) {
    if (event.target.closest("a, button")) return;
    setActive(row);
    onMove(row);
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.target.closest(".tick")) {
      toggle(row, event.shiftKey);
    } else {
      anchor.current = row;
    }
  }

  const template = { gridTemplateColumns: `2.25rem ${columns.map(({ track }) => track).join(" ")}` };
  const rows = [];
  for (let row = first; row <= last; row += 1) {
    const item = pages.item(row);
    const place = measure.place(row, top);
    const chosen = item !== undefined && isSelected(item);
    const classes = `line${row === active ? " active" : ""}${chosen ? " chosen" : ""}${item ? "" : " pending"}`;
    rows.push(html`<div
      key=${row} id=${`row-${row}`} role="row" class=${classes} aria-rowindex=${row + 2}
      aria-selected=${String(chosen)} style=${{ ...(isNarrow ? {} : template), transform: `translateY(${place}px)`, height: `${rowHeight}px` }}
      onMouseDown=${(event) => event.shiftKey && event.preventDefault()}
      onClick=${(event) => click(event, row)}
      onDblClick=${(event) => item && !event.target.closest("a, button, .tick") && onOpen(item)}
    >
      <div role="gridcell" class="tick"><span class="box" aria-hidden="true"></span></div>
      ${columns.map(
        ({ name, kind, cell }) =>
          html`<div role="gridcell" class=${`cell col-${name} ${kind ?? ""}`}>${item ? cell(item) : name === columns[0].name ? "…" : ""}</div>`,
      )}
    </div>`);
  }
  return html`<div
    class=${`window-table${isNarrow ? " narrow" : ""}`} ref=${box} role="grid" aria-label=${label} tabindex="0"
    aria-multiselectable="true" aria-rowcount=${pages.total === null ? -1 : total + 1}
    aria-colcount=${columns.length + 1} aria-activedescendant=${total && active <= last && active >= first ? `row-${active}` : null}
    aria-busy=${String(pages.total === null)}
    onScroll=${(event) => setTop(event.currentTarget.scrollTop)} onKeyDown=${key}
  >
    <div role="rowgroup" class="heads">
      <div role="row" class="line head" aria-rowindex="1" style=${isNarrow ? {} : template}>
        <div role="columnheader" class="tick"><span class="hidden">selected</span></div>
        ${columns.map((column) => html`<${Head} column=${column} sort=${sort} onSort=${onSort} />`)}
      </div>
    </div>
    <div role="rowgroup" class="rows" style=${{ height: `${measure.height}px` }}>${rows}</div>
  </div>`;
}

function Head({ column, sort, onSort }) {
  const { name, title, kind } = column;
  const isSorted = sort === name || sort === `-${name}`;
  const isDown = sort.startsWith("-");
  const state = !column.sort ? null : !isSorted ? "none" : isDown ? "descending" : "ascending";
  return html`<div role="columnheader" class=${`cell col-${name} ${kind ?? ""}`} aria-sort=${state}>
    ${
      column.sort
        ? html`<button type="button" class="sort" onClick=${() => onSort(isSorted && !isDown ? `-${name}` : name)}>
            ${title}<span class="arrow" aria-hidden="true">${isSorted ? (isDown ? " ↓" : " ↑") : ""}</span>
          </button>`
        : title
    }
  </div>`;
}

/** Relate rows to the scroll position; beyond `MOST_HEIGHT` a pixel of scrolling is more than one of the table. */
function measured(total, rowHeight, viewHeight) {
  const whole = total * rowHeight;
  const height = Math.min(whole, MOST_HEIGHT);
  const room = Math.max(1, height + rowHeight - viewHeight); // the header takes one row of the view
  const factor = whole > height ? Math.max(1, whole + rowHeight - viewHeight) / room : 1;
  return {
    height,
    rowAt: (top) => (Math.min(top, room) * factor) / rowHeight,
    topOf: (row) => (row * rowHeight) / factor,
    place: (row, top) => row * rowHeight - (Math.min(top, room) * factor - Math.min(top, room)),
  };
}
