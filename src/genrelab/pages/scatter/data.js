// The data of a map, as library/explore/chart/payload.py writes it, and which points of it to draw.

const MAGIC = "genrelab map 1\n\0";
const PLANES = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };
const LOW_BITS = 4;
const GRID = 2 ** 20 - 1;

/**
 * Read the data of a map.
 * @param {Uint8Array} bytes
 * @returns {object} the facts of the header; `x` and `y` from 0 to 1; a typed array for each section
 */
export function readMap(bytes) {
  const start = MAGIC.length + 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < start || String.fromCharCode(...bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new Error("this is not the data of a map");
  }
  const length = view.getUint32(MAGIC.length, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(start, start + length)));
  const found = { ...facts };
  let at = start + length;
  for (const [name, width, count] of facts.sections) {
    found[name] = new PLANES[width](bytes.slice(at, at + width * count).buffer);
    if (found[name].length !== count) throw new Error("the data of the map is cut off");
    at += width * count;
  }
  const whole = (high, low) => ((high << LOW_BITS) | low) / GRID;
  found.x = Float32Array.from(found.x, (high, k) => whole(high, found.low[k] >> LOW_BITS));
  found.y = Float32Array.from(found.y, (high, k) => whole(high, found.low[k] & (2 ** LOW_BITS - 1)));
  found.tiles = { level: found.tileLevel, column: found.tileColumn, row: found.tileRow, count: found.tileCount };
  return found;
}

/** The tiles of the points, level by level: every beginning of them is a picture of the whole. */
export class Tiles {
  constructor({ level, column, row, count }) {
    this.level = level;
    this.column = column;
    this.row = row;
    this.count = count;
    this.first = new Uint32Array(count.length);
    for (let k = 1; k < count.length; k += 1) this.first[k] = this.first[k - 1] + count[k - 1];
  }

  /** Return the parts [first, count] of the points that a box of the map needs, the coarsest first. */
  within(left, right, low, high) {
    const found = [];
    for (let k = 0; k < this.count.length; k += 1) {
      const side = 1 / 2 ** this.level[k];
      const [x, y] = [this.column[k] * side, this.row[k] * side];
      if (x <= right && x + side >= left && y <= high && y + side >= low) found.push([this.first[k], this.count[k], this.level[k]]);
    }
    return found;
  }
}

/**
 * Divide parts into those with the first `most` points and the rest. A level that does not fit as a whole is divided in all of its parts.
 * @param {number[][]} parts as `Tiles.within` returns them
 */
export function divide(parts, most) {
  const now = [];
  const later = [];
  let left = most;
  for (let start = 0; start < parts.length; ) {
    let end = start;
    let sum = 0;
    while (end < parts.length && parts[end][2] === parts[start][2]) {
      sum += parts[end][1];
      end += 1;
    }
    const share = Math.max(0, Math.min(1, left / Math.max(1, sum)));
    for (const [first, count, level] of parts.slice(start, end)) {
      const some = share === 1 ? count : Math.floor(share * count);
      if (some) now.push([first, some, level]);
      if (some < count) later.push([first + some, count - some, level]);
    }
    left -= sum;
    start = end;
  }
  return [now, later];
}
