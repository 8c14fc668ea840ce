"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const stage = find("stage"), canvas = find("map"), search = find("search");
  const tag = find("tag"); // null if no track has tags
  const tip = find("tip"), ring = find("ring");
  const pen = canvas.getContext("2d");
  const n = data.name.length;
  const boxes = [...document.querySelectorAll("input[data-genre]")];
  const marks = boxes.map((box) => box.parentElement.querySelector("path"));
  const genreNames = boxes.map((box) => box.parentElement.textContent);
  const lowerNames = data.name.map((name) => name.toLocaleLowerCase());
  const x = Float32Array.from(data.x, (value) => value / data.grid);
  const y = Float32Array.from(data.y, (value) => 1 - value / data.grid);

  // In scattered order: no folder covers the others.
  const scatter = (i) => Math.imul(i, 2654435761) >>> 0;
  const order = Uint32Array.from(x.keys()).sort((a, b) => scatter(a) - scatter(b));

  // The tracks in each cell of the page, to find the one under the pointer.
  const CELLS = 64;
  const cellOf = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(value * CELLS)));
  const cells = new Map();
  for (let i = 0; i < n; i++) {
    const key = cellOf(y[i]) * CELLS + cellOf(x[i]);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(i);
  }

  const view = { zoom: 1, x: 0.5, y: 0.5 };
  const shown = new Uint8Array(n).fill(1);
  let matching = null, chosen = -1, width = 0, height = 0, waiting = false, moving = false, rest = 0;

  const pixels = () => 0.92 * Math.min(width, height) * view.zoom;
  const toX = (value) => width / 2 + (value - view.x) * pixels();
  const toY = (value) => height / 2 + (value - view.y) * pixels();
  const fromX = (px) => view.x + (px - width / 2) / pixels();
  const fromY = (py) => view.y + (py - height / 2) / pixels();
  const radius = () => Math.min(9, Math.max(2, 62 / Math.pow(n + 20, 0.38)) * Math.pow(view.zoom, 0.35));

  // Each genre's mark is painted once per frame on one sheet, then copied for each track.
  function paintMarks(size, ratio) {
    const edge = getComputedStyle(document.documentElement).getPropertyValue("--edge");
    const side = Math.ceil((2 * size + 4) * ratio);
    const sheet = document.createElement("canvas");
    sheet.width = side * Math.max(1, marks.length);
    sheet.height = side;
    const brush = sheet.getContext("2d");
    marks.forEach((mark, number) => {
      const scale = (size / 7) * ratio;
      brush.setTransform(scale, 0, 0, scale, (number + 0.5) * side, side / 2);
      const path = new Path2D(mark.getAttribute("d"));
      brush.fillStyle = getComputedStyle(mark).fill;
      brush.fill(path);
      brush.strokeStyle = edge;
      brush.lineWidth = Math.min(1.2, 5 / size);
      brush.stroke(path);
    });
    return sheet;
  }

  function draw() {
    waiting = false;
    const ratio = window.devicePixelRatio || 1;
    width = stage.clientWidth;
    height = stage.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const sheet = paintMarks(radius(), ratio);
    const side = sheet.height;
    // While the view moves, only as many marks as stay smooth.
    const stride = moving ? Math.ceil(n / 6000) : 1;
    const paint = (i) => {
      const px = Math.round(toX(x[i]) * ratio - side / 2), py = Math.round(toY(y[i]) * ratio - side / 2);
      if (px < -side || py < -side || px > canvas.width || py > canvas.height) return;
      pen.drawImage(sheet, data.genre[i] * side, 0, side, side, px, py, side, side);
    };
    pen.globalAlpha = 0.1;
    if (matching) for (let k = 0; k < n; k += stride) if (shown[order[k]] && !matching[order[k]]) paint(order[k]);
    pen.globalAlpha = matching || n < 2000 ? 1 : 0.85;
    for (let k = 0; k < n; k += stride) if (shown[order[k]] && (!matching || matching[order[k]])) paint(order[k]);
    placeTip();
  }

  function redraw() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  }

  function move() {
    moving = true;
    clearTimeout(rest);
    rest = setTimeout(() => {
      moving = false;
      redraw();
    }, 150);
    redraw();
  }

  function line(kind, text) {
    const element = document.createElement(kind);
    element.textContent = text;
    return element;
  }

  function choose(i) {
    if (i === chosen) return;
    chosen = i;
    if (i >= 0) {
      const cut = Math.max(data.name[i].lastIndexOf("/"), data.name[i].lastIndexOf("\\"));
      const lines = [
        line("b", data.name[i].slice(cut + 1)),
        line("span", genreNames[data.genre[i]] + ", confidence " + data.confidence[i] + " %"),
      ];
      const tags = tag ? data.tags[i].map((number) => data.tagNames[number]) : [];
      if (tags.length) lines.push(line("span", tags.join(", ")));
      if (cut > 0) lines.push(line("span", data.name[i].slice(0, cut)));
      if (data.copies[i]) lines.push(line("span", "and " + data.copies[i] + (data.copies[i] === 1 ? " more file" : " more files") + " with this recording"));
      tip.replaceChildren(...lines);
    }
    placeTip();
  }

  function placeTip() {
    tip.hidden = ring.hidden = chosen < 0 || !shown[chosen];
    if (tip.hidden) return;
    const px = toX(x[chosen]), py = toY(y[chosen]), side = 2 * radius() + 8;
    ring.style.width = ring.style.height = side + "px";
    ring.style.transform = "translate(" + (px - side / 2) + "px," + (py - side / 2) + "px)";
    const left = px + 14 + tip.offsetWidth > width ? px - 14 - tip.offsetWidth : px + 14;
    const top = py + 14 + tip.offsetHeight > height ? py - 14 - tip.offsetHeight : py + 14;
    const most = width - tip.offsetWidth - 4;
    tip.style.transform = "translate(" + Math.max(4, Math.min(left, most)) + "px," + Math.max(4, top) + "px)";
  }

  function nearest(px, py) {
    const reach = 14 / pixels();
    const ax = fromX(px), ay = fromY(py);
    let best = -1, least = reach * reach;
    for (let row = cellOf(ay - reach); row <= cellOf(ay + reach); row++) {
      for (let column = cellOf(ax - reach); column <= cellOf(ax + reach); column++) {
        for (const i of cells.get(row * CELLS + column) || []) {
          if (!shown[i] || (matching && !matching[i])) continue;
          const away = (x[i] - ax) ** 2 + (y[i] - ay) ** 2;
          if (away < least) [best, least] = [i, away];
        }
      }
    }
    return best;
  }

  function zoomBy(factor, px = width / 2, py = height / 2) {
    const ax = fromX(px), ay = fromY(py);
    view.zoom = Math.min(200, Math.max(0.5, view.zoom * factor));
    view.x = ax - (px - width / 2) / pixels();
    view.y = ay - (py - height / 2) / pixels();
    move();
  }

  function showWhole() {
    Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 });
    redraw();
  }

  let from = null;
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    from = at(event);
    canvas.setPointerCapture(event.pointerId);
    choose(nearest(...from));
  });
  canvas.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    if (from) {
      view.x -= (px - from[0]) / pixels();
      view.y -= (py - from[1]) / pixels();
      from = [px, py];
      move();
    } else {
      choose(nearest(px, py));
    }
  });
  const release = () => { from = null; };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { if (!from) choose(-1); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) * 0.003), ...at(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = 60 / pixels();
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      move();
    } else if (event.key === "+" || event.key === "=") zoomBy(1.4);
    else if (event.key === "-") zoomBy(1 / 1.4);
    else if (event.key === "0") showWhole();
    else return;
    event.preventDefault();
  });
  find("in").addEventListener("click", () => zoomBy(1.6));
  find("out").addEventListener("click", () => zoomBy(1 / 1.6));
  find("whole").addEventListener("click", showWhole);

  function filter() {
    const only = tag && tag.value !== "" ? Number(tag.value) : -1;
    for (let i = 0; i < n; i++) {
      shown[i] = boxes[data.genre[i]].checked && (only < 0 || data.tags[i].includes(only)) ? 1 : 0;
    }
    const wanted = search.value.trim().toLocaleLowerCase();
    matching = wanted ? Uint8Array.from(lowerNames, (name) => (name.includes(wanted) ? 1 : 0)) : null;
    const hits = [];
    let count = 0;
    if (matching) {
      for (let i = 0; i < n; i++) {
        if (!shown[i] || !matching[i]) continue;
        count += 1;
        if (hits.length < 50) hits.push(i);
      }
    }
    find("matches").textContent = matching
      ? count + (count === 1 ? " file" : " files") + (count > hits.length ? "; the first 50:" : "")
      : "";
    find("hits").replaceChildren(...hits.map((i) => {
      const item = document.createElement("li");
      const button = line("button", data.name[i]);
      button.type = "button";
      button.addEventListener("click", () => {
        Object.assign(view, { zoom: Math.max(view.zoom, 3), x: x[i], y: y[i] });
        choose(i);
        redraw();
      });
      item.append(button);
      return item;
    }));
    redraw();
  }
  search.addEventListener("input", filter);
  if (tag) tag.addEventListener("change", filter);
  for (const box of boxes) box.addEventListener("change", filter);
  const tick = (value) => () => {
    for (const box of boxes) box.checked = value;
    filter();
  };
  find("all").addEventListener("click", tick(true));
  find("none").addEventListener("click", tick(false));

  find("folder").textContent = "Names are relative to " + data.folder + ".";
  new ResizeObserver(redraw).observe(stage);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  filter();
})();
