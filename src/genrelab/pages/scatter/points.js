// Points of a plane by cells: finds the nearest point, and the points within a polygon, among a million.

export class PointIndex {
  /**
   * @param {Float32Array} x
   * @param {Float32Array} y
   */
  constructor(x, y) {
    const count = x.length;
    this.x = x;
    this.y = y;
    [this.left, this.right] = extent(x);
    [this.low, this.high] = extent(y);
    this.side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(count / 4))));
    this.width = (this.right - this.left) / this.side || 1;
    this.height = (this.high - this.low) / this.side || 1;
    // A counting sort: `order` lists the points cell by cell, and `starts` says where each cell begins.
    this.starts = new Uint32Array(this.side * this.side + 1);
    const cells = new Uint32Array(count);
    for (let k = 0; k < count; k += 1) {
      cells[k] = this.row(y[k]) * this.side + this.column(x[k]);
      this.starts[cells[k] + 1] += 1;
    }
    for (let k = 0; k < this.side * this.side; k += 1) this.starts[k + 1] += this.starts[k];
    const next = this.starts.slice();
    this.order = new Uint32Array(count);
    for (let k = 0; k < count; k += 1) {
      this.order[next[cells[k]]] = k;
      next[cells[k]] += 1;
    }
  }

  column(x) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((x - this.left) / this.width)));
  }

  row(y) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((y - this.low) / this.height)));
  }

  /** Call `visit` with each point whose cell touches a box. */
  visitBox(left, right, low, high, visit) {
    if (right < this.left || left > this.right || high < this.low || low > this.high) return;
    for (let row = this.row(low); row <= this.row(high); row += 1) {
      for (let column = this.column(left); column <= this.column(right); column += 1) {
        const cell = row * this.side + column;
        for (let k = this.starts[cell]; k < this.starts[cell + 1]; k += 1) visit(this.order[k]);
      }
    }
  }

  /**
   * Return the nearest point within a radius, or -1.
   * @param {(k: number) => boolean} allowed
   */
  nearest(x, y, radius, allowed) {
    let best = -1;
    let least = radius * radius;
    this.visitBox(x - radius, x + radius, y - radius, y + radius, (k) => {
      const distance = (this.x[k] - x) ** 2 + (this.y[k] - y) ** 2;
      if (distance <= least && allowed(k)) {
        least = distance;
        best = k;
      }
    });
    return best;
  }

  /**
   * Count the points within a box whose flags lack some bits, and return the first of them.
   * @param {Uint8Array} flags one per point
   * @param {number} hidden the bits
   * @param {number} most number of points to return
   */
  inBox(left, right, low, high, flags, hidden, most) {
    const points = [];
    let count = 0;
    this.visitBox(left, right, low, high, (k) => {
      if (flags[k] & hidden || this.x[k] < left || this.x[k] > right || this.y[k] < low || this.y[k] > high) return;
      count += 1;
      if (points.length < most) points.push(k);
    });
    return { count, points };
  }

  /**
   * Return the points within a polygon (even-odd rule), in ascending order.
   * @param {number[][]} corners pairs of x and y
   * @param {(k: number) => boolean} allowed
   */
  within(corners, allowed) {
    const found = [];
    const [left, right] = extent(corners.map(([x]) => x));
    const [low, high] = extent(corners.map(([, y]) => y));
    this.visitBox(left, right, low, high, (k) => {
      if (allowed(k) && isInside(corners, this.x[k], this.y[k])) found.push(k);
    });
    return found.sort((a, b) => a - b);
  }
}

export function isInside(corners, x, y) {
  let inside = false;
  for (let k = 0, before = corners.length - 1; k < corners.length; before = k, k += 1) {
    const [x1, y1] = corners[k];
    const [x2, y2] = corners[before];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

export function extent(values) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 0];
}
