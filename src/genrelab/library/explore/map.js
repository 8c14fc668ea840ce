// The page of `genrelab library map`. What draws the points comes before it, from pages/scatter.
const MOST_HITS = 50;
const MOST_ROWS = 100; // of the table twin
const KEPT_BLOCKS = 64; // of names in memory
const find = (id) => document.getElementById(id);
const isDark = matchMedia("(prefers-color-scheme: dark)");

/** Return the bytes that an element holds: compressed, as base64. */
async function bytesOf(element) {
  const text = element.textContent;
  let packed;
  if (Uint8Array.fromBase64) {
    packed = Uint8Array.fromBase64(text);
  } else {
    const letters = atob(text);
    packed = new Uint8Array(letters.length);
    for (let k = 0; k < letters.length; k += 1) packed[k] = letters.charCodeAt(k);
  }
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The names of the tracks, in blocks in the order of paths; a block is unpacked when it is needed. */
class Names {
  constructor(size) {
    this.size = size;
    this.elements = document.querySelectorAll("script.names");
    this.kept = new Map();
  }

  async block(number) {
    let found = this.kept.get(number);
    this.kept.delete(number);
    found ??= new TextDecoder().decode(await bytesOf(this.elements[number])).split("\n");
    this.kept.set(number, found); // the one used last is the last
    if (this.kept.size > KEPT_BLOCKS) this.kept.delete(this.kept.keys().next().value);
    return found;
  }

  async get(row) {
    return (await this.block(Math.floor(row / this.size)))[row % this.size];
  }
}

function line(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}

class Page {
  constructor(data) {
    this.data = data;
    this.names = new Names(data.nameBlock);
    this.rows = data.row;
    this.search = find("search");
    this.tag = find("tag"); // null if no track has tags
    this.boxes = [...document.querySelectorAll("input[data-genre]")];
    this.genreNames = this.boxes.map((box) => box.parentElement.textContent);
    this.shapes = this.boxes.map((box) => Number(box.dataset.shape));
    this.chosen = -1;
    this.matching = null;
    this.turn = 0; // of the search: a later one ends an earlier one
    this.scatter = new Scatter(find("map"), find("cover"), {
      hover: (point, x, y) => this.point(point, x, y),
      open: (point) => this.scatter.hover(point),
      lasso: () => {},
      view: () => this.list(),
    });
    this.scatter.load(data.x, data.y, data.genre, data.tiles);
    this.colour();
    this.filter();
    if (this.scatter.painter.kind !== "webgl2") {
      find("state").textContent = "This browser draws without WebGL 2, which is slow for many recordings. Another browser, or its setting for hardware acceleration, may have it.";
    }
  }

  colour() {
    const name = isDark.matches ? "dark" : "light";
    const colours = this.boxes.map((box) => box.dataset[name]);
    this.scatter.colours(colours, this.shapes);
    this.boxes.forEach((box, k) => box.parentElement.querySelector("path[fill]")?.setAttribute("fill", colours[k]));
  }

  /** Return the numbers of a track's tags. */
  tagsOf(k) {
    if (!this.data.tagCounts.length) return [];
    this.tagEnds ??= Uint32Array.from(this.data.tagCounts, ((sum) => (count) => (sum += count))(0));
    return this.data.tags.subarray(this.tagEnds[k] - this.data.tagCounts[k], this.tagEnds[k]);
  }

  async point(k, x, y) {
    this.place = [x, y];
    if (k !== this.chosen) {
      this.chosen = k;
      find("tip").hidden = true;
      if (k < 0) return;
      const name = await this.names.get(this.rows[k]);
      if (k !== this.chosen) return;
      find("tip").replaceChildren(...this.lines(k, name));
    }
    this.placeTip();
  }

  lines(k, name) {
    const { data } = this;
    const cut = Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\"));
    const lines = [line("b", name.slice(cut + 1)), line("span", `${this.genreNames[data.genre[k]]}, confidence ${data.confidence[k]} %`)];
    const tags = [...this.tagsOf(k)].map((number) => data.tagLabels[number]);
    if (tags.length) lines.push(line("span", tags.join(", ")));
    if (cut > 0) lines.push(line("span", name.slice(0, cut)));
    const copies = data.copies[k];
    if (copies) lines.push(line("span", `and ${copies} more ${copies === 1 ? "file" : "files"} with this recording`));
    return lines;
  }

  placeTip() {
    const tip = find("tip");
    const stage = find("stage");
    tip.hidden = this.chosen < 0 || !tip.childElementCount;
    if (tip.hidden) return;
    const [x, y] = this.place;
    const left = x + 14 + tip.offsetWidth > stage.clientWidth ? x - 14 - tip.offsetWidth : x + 14;
    const top = y + 14 + tip.offsetHeight > stage.clientHeight ? y - 14 - tip.offsetHeight : y + 14;
    const most = stage.clientWidth - tip.offsetWidth - 4;
    tip.style.transform = `translate(${Math.max(4, Math.min(left, most))}px, ${Math.max(4, top)}px)`;
  }

  filter() {
    const { data } = this;
    const only = this.tag && this.tag.value !== "" ? Number(this.tag.value) : -1;
    const isOff = Uint8Array.from(this.boxes, (box) => (box.checked ? 0 : 1));
    this.scatter.mark(
      (k) => this.matching !== null && this.matching[data.row[k]] === 1,
      (k) => isOff[data.genre[k]] === 1 || (only >= 0 && !this.tagsOf(k).includes(only)),
    );
    this.report();
  }

  /** Look for the text in all names, block by block; the page answers meanwhile. */
  async look() {
    const turn = (this.turn += 1);
    const wanted = this.search.value.trim().toLocaleLowerCase();
    if (!wanted) {
      this.matching = null;
      this.filter();
      return;
    }
    const found = new Uint8Array(this.data.count);
    for (let number = 0; number < this.names.elements.length; number += 1) {
      const names = await this.names.block(number);
      if (turn !== this.turn) return;
      names.forEach((name, k) => {
        if (name.toLocaleLowerCase().includes(wanted)) found[number * this.names.size + k] = 1;
      });
      if (number % 16 === 15) {
        find("matches").textContent = `searching: ${Math.round((100 * number) / this.names.elements.length)} %`;
        await new Promise((go) => setTimeout(go));
        if (turn !== this.turn) return;
      }
    }
    this.matching = found;
    this.filter();
  }

  /** List what the search has found. */
  async report() {
    const turn = (this.reported = (this.reported ?? 0) + 1);
    if (!this.matching) {
      find("matches").textContent = "";
      find("hits").replaceChildren();
      return;
    }
    this.points ??= this.pointsByRow();
    const hits = [];
    let count = 0;
    for (let row = 0; row < this.matching.length; row += 1) {
      if (!this.matching[row] || !this.scatter.isShown(this.points[row])) continue;
      count += 1;
      if (hits.length < MOST_HITS) hits.push(row);
    }
    const names = [];
    for (const row of hits) names.push(await this.names.get(row));
    if (turn !== this.reported) return;
    find("matches").textContent = `${count.toLocaleString("en")} ${count === 1 ? "file" : "files"}${count > hits.length ? `; the first ${MOST_HITS}:` : ""}`;
    find("hits").replaceChildren(...hits.map((row, at) => this.button(row, names[at])));
  }

  pointsByRow() {
    const points = new Uint32Array(this.data.count);
    this.data.row.forEach((row, k) => { points[row] = k; });
    return points;
  }

  button(row, name) {
    const item = document.createElement("li");
    const button = line("button", name);
    button.type = "button";
    button.addEventListener("click", () => {
      const k = this.points[row];
      this.scatter.showPoint(k, Math.max(3, Math.sqrt(this.data.count / 400)));
      this.scatter.hover(k);
    });
    item.append(button);
    return item;
  }

  /** Fill the table twin with the first tracks in view. */
  async list() {
    const turn = (this.listed = (this.listed ?? 0) + 1);
    const { count, points } = this.scatter.inView(MOST_ROWS);
    find("in-view").textContent = count.toLocaleString("en");
    if (!find("twin").open) return;
    const rows = [];
    for (const k of points.sort((a, b) => this.rows[a] - this.rows[b])) {
      const row = document.createElement("tr");
      const head = line("th", await this.names.get(this.rows[k]));
      head.scope = "row";
      row.append(head, line("td", this.genreNames[this.data.genre[k]]), line("td", `${this.data.confidence[k]} %`));
      rows.push(row);
    }
    if (turn !== this.listed) return;
    find("twin-caption").textContent = count > points.length ? `${points.length} of them` : "All of them";
    find("rows").replaceChildren(...rows);
  }

  listen() {
    const tick = (value) => () => {
      for (const box of this.boxes) box.checked = value;
      this.filter();
    };
    let later = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => this.look(), this.data.count > 20_000 ? 250 : 0);
    });
    this.tag?.addEventListener("change", () => this.filter());
    for (const box of this.boxes) box.addEventListener("change", () => this.filter());
    find("all").addEventListener("click", tick(true));
    find("none").addEventListener("click", tick(false));
    find("in").addEventListener("click", () => this.scatter.zoomBy(1.6));
    find("out").addEventListener("click", () => this.scatter.zoomBy(1 / 1.6));
    find("whole").addEventListener("click", () => this.scatter.showAll());
    find("twin").addEventListener("toggle", () => this.list());
    isDark.addEventListener("change", () => this.colour());
  }
}

async function open() {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack the map (it has no DecompressionStream). The table has the counts.");
  }
  find("state").textContent = "Unpacking the map …";
  const parts = [];
  for (const element of document.querySelectorAll("script.data")) parts.push(await bytesOf(element));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  find("state").textContent = "";
  const data = readMap(whole);
  find("folder").textContent = `Names are relative to ${data.folder}.`;
  const page = new Page(data);
  page.listen();
  window.genrelabMap = page; // for measurements
}

open().catch((error) => {
  find("state").textContent = `The map cannot be drawn: ${error.message}`;
});
