// A scatter plot that stays fluid with a million points: pan, zoom, hover, click and lasso.
//
// Points come in tiles, from coarse to fine. While the picture moves, as many are drawn as the machine has time for; the others follow when it
// has come to rest. The server's page and the page of `genrelab library map` both use it. It draws on one canvas and reads the pointer on another above it, which shows the lasso and the ring around
// the point under the pointer.

import { divide, Tiles } from "./data.js";
import { CHOSEN, HIDDEN, painterFor } from "./painters.js";
import { extent, PointIndex } from "./points.js";

const MOST_ZOOM = 400; // times the zoom that shows everything
const REACH = 9; // pixels around a point that belong to it
const FEWEST = 8000; // points that are always drawn
const BUDGET = 150_000; // points of the first picture
const [SLOW, FAST] = [38, 24]; // milliseconds between two pictures: more are too slow, fewer leave time for more points
const REST = 180; // milliseconds after which a picture has come to rest
const STEP = 0.15; // of the width, per arrow key

export class Scatter {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLCanvasElement} cover above it, of the same size
   * @param {{hover: Function, open: Function, lasso: Function, view: Function}} listeners `hover(point, x, y)` with -1 for none,
   *   `open(point)`, `lasso(points, add)`, `view()` when the picture has come to rest
   */
  constructor(canvas, cover, listeners) {
    this.canvas = canvas;
    this.cover = cover;
    this.ink = cover.getContext("2d");
    this.listeners = listeners;
    this.painter = painterFor(canvas);
    this.isLasso = false;
    this.pointers = new Map();
    this.hovered = -1;
    this.centre = [0.5, 0.5];
    this.zoom = 1;
    this.removers = [];
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(cover);
    this.resize();
  }

  listen() {
    const on = (target, name, run, options) => {
      target.addEventListener(name, run, options);
      this.removers.push(() => target.removeEventListener(name, run, options));
    };
    on(this.cover, "pointerdown", (event) => this.down(event));
    on(this.cover, "pointermove", (event) => this.move(event));
    on(this.cover, "pointerup", (event) => this.up(event, true));
    on(this.cover, "pointercancel", (event) => this.up(event, false));
    on(this.cover, "pointerleave", () => this.pointers.size || this.hover(-1));
    on(this.cover, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.cover, "keydown", (event) => this.key(event));
    on(this.canvas, "webglcontextlost", (event) => event.preventDefault());
    on(this.canvas, "webglcontextrestored", () => {
      this.painter.prepare();
      this.draw();
    });
  }

  close() {
    this.observer.disconnect();
    for (const remove of this.removers) remove();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    this.painter.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /**
   * Show other points.
   * @param {Float32Array} x
   * @param {Float32Array} y from 0 to 1 if there are tiles
   * @param {Uint16Array} categories the numbers of their colours
   * @param {object} tiles as `readMap` returns them; without, the points are one tile
   */
  load(x, y, categories, tiles = { level: [0], column: [0], row: [0], count: [x.length] }) {
    this.points = { x, y };
    this.kept = null;
    this.isOneTile = tiles.count.length <= 1;
    this.tiles = new Tiles(tiles);
    this.flags = new Uint8Array(x.length);
    this.painter.load(x, y, categories);
    this.painter.flags(this.flags);
    this.budget = Math.min(x.length, BUDGET);
    this.showAll();
  }

  /** The index of the points, made when it is first needed: the picture comes before it. */
  get index() {
    if (!this.points) return null;
    this.kept ??= new PointIndex(this.points.x, this.points.y);
    return this.kept;
  }

  /**
   * @param {string[]} colours `#rrggbb`, by category
   * @param {number[]} shapes 0 to 4, by category
   */
  colours(colours, shapes) {
    const bytes = new Uint8Array(4 * Math.max(1, colours.length));
    colours.forEach((colour, k) => {
      const value = Number.parseInt(colour.slice(1), 16);
      bytes.set([value >> 16, (value >> 8) & 255, value & 255, shapes[k] ?? 0], 4 * k);
    });
    this.painter.colours(bytes);
    this.draw();
  }

  /** Choose points and hide others; both are functions of the number of a point. */
  mark(isChosen, isHidden) {
    for (let k = 0; k < this.flags.length; k += 1) {
      this.flags[k] = (isChosen(k) ? CHOSEN : 0) | (isHidden(k) ? HIDDEN : 0);
    }
    this.painter.flags(this.flags);
    this.draw();
  }

  isShown = (k) => (this.flags[k] & HIDDEN) === 0;

  /** Return the number of shown points within the picture, and the first of them: {count, points}. */
  inView(most) {
    const [left, low] = this.toData(0, this.cover.clientHeight);
    const [right, high] = this.toData(this.cover.clientWidth, 0);
    return this.index.inBox(left, right, low, high, this.flags, HIDDEN, most);
  }

  showAll() {
    const [left, right] = extent(this.points.x);
    const [low, high] = extent(this.points.y);
    this.centre = [(left + right) / 2, (low + high) / 2];
    this.extent = [right - left || 1, high - low || 1];
    this.zoom = 1;
    this.draw();
  }

  /** Show a point in the middle, at some zoom at least. */
  showPoint(k, zoom) {
    this.centre = [this.points.x[k], this.points.y[k]];
    this.zoom = Math.max(this.zoom, zoom);
    this.draw();
  }

  /** Pixels (of CSS) per unit. */
  get scale() {
    const [width, height] = this.extent ?? [1, 1];
    const fit = Math.min(this.cover.clientWidth / width, this.cover.clientHeight / height);
    return Math.max(1e-6, 0.92 * fit * this.zoom);
  }

  toData(x, y) {
    return [
      this.centre[0] + (x - this.cover.clientWidth / 2) / this.scale,
      this.centre[1] - (y - this.cover.clientHeight / 2) / this.scale,
    ];
  }

  toPixels(k) {
    return [
      this.cover.clientWidth / 2 + (this.points.x[k] - this.centre[0]) * this.scale,
      this.cover.clientHeight / 2 - (this.points.y[k] - this.centre[1]) * this.scale,
    ];
  }

  zoomBy(factor, x = this.cover.clientWidth / 2, y = this.cover.clientHeight / 2) {
    const before = this.toData(x, y);
    this.zoom = Math.max(0.5, Math.min(MOST_ZOOM, this.zoom * factor));
    const after = this.toData(x, y);
    this.centre = [this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]];
    this.draw();
  }

  panBy(x, y) {
    this.centre = [this.centre[0] - x / this.scale, this.centre[1] + y / this.scale];
    this.draw();
  }

  position(event) {
    const box = this.cover.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (!this.points || event.button > 0) return;
    const at = this.position(event);
    this.hover(-1);
    this.pointers.set(event.pointerId, at);
    this.cover.setPointerCapture(event.pointerId);
    this.moved = 0;
    this.corners = this.pointers.size === 1 && (this.isLasso || event.shiftKey) ? [at] : null;
  }

  move(event) {
    if (!this.points) return;
    const at = this.position(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hover(this.index.nearest(...this.toData(...at), REACH / this.scale, this.isShown));
      return;
    }
    const step = [at[0] - before[0], at[1] - before[1]];
    this.moved += Math.hypot(...step);
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const far = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const now = Math.hypot(at[0] - other[0], at[1] - other[1]);
      this.corners = null;
      this.zoomBy(now / Math.max(1, far), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
      this.panBy(step[0] / 2, step[1] / 2);
    } else if (this.corners) {
      const [x, y] = this.corners.at(-1);
      if (Math.hypot(at[0] - x, at[1] - y) > 3) this.corners.push(at);
      this.drawCover();
    } else {
      this.panBy(...step);
    }
    this.pointers.set(event.pointerId, at);
  }

  up(event, isDone) {
    if (!this.pointers.delete(event.pointerId) || !isDone || this.pointers.size) return;
    const corners = this.corners;
    this.corners = null;
    this.drawCover();
    if (this.moved < 5) {
      const reach = event.pointerType === "touch" ? 2 * REACH : REACH;
      const at = this.toData(...this.position(event));
      const point = this.index.nearest(...at, reach / this.scale, this.isShown);
      if (point >= 0) this.listeners.open(point);
    } else if (corners && corners.length > 2) {
      const around = corners.map(([x, y]) => this.toData(x, y));
      this.listeners.lasso(this.index.within(around, this.isShown), event.ctrlKey || event.metaKey);
    }
  }

  wheel(event) {
    if (!this.points) return;
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? 16 * event.deltaY : event.deltaY;
    this.zoomBy(Math.exp(-pixels / 300), ...this.position(event));
  }

  key(event) {
    if (!this.points || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEP * this.cover.clientWidth;
    const actions = {
      ArrowLeft: () => this.panBy(step, 0),
      ArrowRight: () => this.panBy(-step, 0),
      ArrowUp: () => this.panBy(0, step),
      ArrowDown: () => this.panBy(0, -step),
      "+": () => this.zoomBy(1.5),
      "=": () => this.zoomBy(1.5),
      "-": () => this.zoomBy(1 / 1.5),
      0: () => this.showAll(),
      Escape: () => {
        this.corners = null;
        this.drawCover();
      },
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  }

  hover(point) {
    if (point === this.hovered) return;
    this.hovered = point;
    this.cover.classList.toggle("over-point", point >= 0);
    this.listeners.hover(point, ...(point >= 0 ? this.toPixels(point) : [0, 0]));
    this.drawCover();
  }

  resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    for (const each of [this.canvas, this.cover]) {
      each.width = Math.max(1, Math.round(this.cover.clientWidth * ratio));
      each.height = Math.max(1, Math.round(this.cover.clientHeight * ratio));
    }
    this.ratio = ratio;
    this.draw(true);
  }

  /** Draw soon, or now: a canvas of a new size is empty until then. */
  draw(isNow = false) {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
    if (!this.points) return;
    this.rest = setTimeout(() => this.atRest(), REST);
    if (isNow) this.paint();
    else this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.adapt();
    const size = this.markSize();
    const reach = size / this.scale;
    const [left, low] = this.toData(0, this.cover.clientHeight);
    const [right, high] = this.toData(this.cover.clientWidth, 0);
    const all = this.isOneTile ? [[0, this.points.x.length, 0]] : this.tiles.within(left - reach, right + reach, low - reach, high + reach);
    const [now, later] = divide(all, this.budget);
    this.later = later;
    this.show(now, false);
    this.shown = (this.shown ?? 0) + 1; // pictures
    if (this.hovered >= 0) this.listeners.hover(this.hovered, ...this.toPixels(this.hovered));
    this.drawCover();
  }

  show(parts, more) {
    const { width, height } = this.canvas;
    this.painter.paint({ centre: this.centre, scale: this.scale * this.ratio, width, height, size: this.markSize() * this.ratio, parts, more });
  }

  /** In pixels of CSS: many points are drawn smaller. */
  markSize() {
    const crowd = (20_000 / Math.max(1, this.points.x.length)) ** 0.2;
    return Math.max(2.2, Math.min(16, 5 * Math.min(2.4, crowd) * this.zoom ** 0.35));
  }

  /** While the picture moves, a slow machine draws only as many points as it can: the first ones. */
  adapt() {
    const now = performance.now();
    const pause = now - (this.painted ?? 0);
    this.painted = now;
    if (pause > 4 * REST) return; // it did not move
    if (pause > SLOW) this.budget = Math.max(FEWEST, Math.round(0.6 * this.budget));
    else if (pause < FAST) this.budget = Math.min(this.points.x.length, Math.round(1.2 * this.budget));
  }

  /** Add the points that are missing, a part in each picture, so that the page answers meanwhile. */
  atRest() {
    if (!this.points) return;
    if (this.later?.length) {
      const [now, later] = divide(this.later, Math.max(this.budget, BUDGET / 3));
      this.later = later;
      this.show(now, true);
      this.frame = requestAnimationFrame(() => this.atRest());
    } else {
      this.painted = 0;
      this.listeners.view();
    }
  }

  drawCover() {
    const { ink } = this;
    const colour = getComputedStyle(this.cover).color;
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ink.clearRect(0, 0, this.cover.clientWidth, this.cover.clientHeight);
    ink.strokeStyle = colour;
    ink.fillStyle = colour;
    if (this.hovered >= 0 && this.points && this.isShown(this.hovered)) {
      ink.lineWidth = 2;
      ink.beginPath();
      ink.arc(...this.toPixels(this.hovered), 8, 0, 2 * Math.PI);
      ink.stroke();
    }
    if (!this.corners || this.corners.length < 2) return;
    ink.lineWidth = 1.5;
    ink.setLineDash([5, 4]);
    ink.beginPath();
    this.corners.forEach(([x, y], k) => (k ? ink.lineTo(x, y) : ink.moveTo(x, y)));
    ink.closePath();
    ink.stroke();
    ink.setLineDash([]);
    ink.globalAlpha = 0.08;
    ink.fill();
    ink.globalAlpha = 1;
  }
}
