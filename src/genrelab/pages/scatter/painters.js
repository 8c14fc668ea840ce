// Two ways to draw many points: WebGL 2, and a plain canvas where that is not to be had.
//
// A painter has `load(x, y, categories)`, `colours(bytes)` (per category red, green, blue and the number of a shape), `flags(bytes)` (one per
// point) and `paint(view)`, where a view is {centre: [x, y], scale: pixels per unit, width, height, size, parts: [[first, count], …] to draw,
// more: whether they are added to the picture}.

export const CHOSEN = 1;
export const HIDDEN = 2;

const FAINT = 0.16; // opacity of the others while some points are chosen
const SOLID = 0.85;
const MOST_CHOSEN = 200_000; // chosen points that are drawn on top; of more, the first ones

const VERTICES = `#version 300 es
in vec2 place;
in float category;
in float flag;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
uniform int layer;
uniform sampler2D palette;
out vec3 colour;
flat out int shape;
void main() {
  int bits = int(flag + 0.5);
  bool chosen = (bits & ${CHOSEN}) != 0;
  bool drawn = (bits & ${HIDDEN}) == 0 && (layer == 0 || (layer == 2) == chosen);
  vec4 look = texelFetch(palette, ivec2(int(category + 0.5), 0), 0);
  colour = look.rgb;
  shape = int(255.0 * look.a + 0.5);
  gl_Position = drawn ? vec4((place - centre) * scale, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = layer == 2 ? size * 1.3 : size;
}`;

const FRAGMENTS = `#version 300 es
precision mediump float;
in vec3 colour;
flat in int shape;
uniform float opacity;
uniform float edge;
uniform float rim;
out vec4 pixel;
// How far a place is from the middle, where 1 is the outline: circle, square, triangle, diamond, cross.
float distance_in(vec2 place) {
  vec2 side = abs(place);
  if (shape == 1) return max(side.x, side.y) / 0.82;
  if (shape == 2) return max(place.y, 0.87 * side.x - 0.5 * place.y) / 0.55;
  if (shape == 3) return side.x + side.y;
  if (shape == 4) return max(max(side.x, side.y) / 0.95, min(side.x, side.y) / 0.36);
  return length(place);
}
void main() {
  float far = distance_in(2.0 * gl_PointCoord - 1.0);
  float alpha = opacity * (1.0 - smoothstep(1.0 - 2.0 * edge, 1.0, far));
  float shade = 1.0 - rim * smoothstep(1.0 - 5.0 * edge, 1.0 - 3.0 * edge, far); // a dark edge tells large marks apart
  pixel = vec4(colour * shade * alpha, alpha);
}`;

/** Return the painter for a canvas: WebGL 2 if the browser has it. */
export function painterFor(canvas) {
  const options = { antialias: false, depth: false, premultipliedAlpha: true, preserveDrawingBuffer: true };
  const gl = canvas.getContext("webgl2", options);
  return gl ? new WebglPainter(canvas, gl) : new PlainPainter(canvas);
}

class WebglPainter {
  kind = "webgl2";

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.kept = {};
    this.prepare();
  }

  /** Make the program and buffers; again after the browser has taken the context away. */
  prepare() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [
      [gl.VERTEX_SHADER, VERTICES],
      [gl.FRAGMENT_SHADER, FRAGMENTS],
    ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the map cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    this.program = program;
    this.places = {};
    for (const name of ["centre", "scale", "size", "layer", "opacity", "edge", "rim", "palette"]) {
      this.places[name] = gl.getUniformLocation(program, name);
    }
    this.buffers = { place: gl.createBuffer(), category: gl.createBuffer(), flag: gl.createBuffer(), chosen: gl.createBuffer() };
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const { points, colours, flags } = this.kept;
    if (points) this.load(...points);
    if (colours) this.colours(colours);
    if (flags) this.flags(flags);
  }

  load(x, y, categories) {
    this.kept.points = [x, y, categories];
    const places = new Float32Array(2 * x.length);
    for (let k = 0; k < x.length; k += 1) {
      places[2 * k] = x[k];
      places[2 * k + 1] = y[k];
    }
    this.count = x.length;
    this.send("place", places, 2, this.gl.FLOAT);
    this.send("category", categories, 1, this.gl.UNSIGNED_SHORT);
  }

  send(name, values, size, kind) {
    const { gl } = this;
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, kind, false, 0, 0);
  }

  colours(bytes) {
    const { gl } = this;
    this.kept.colours = bytes;
    gl.texImage2D(
      gl.TEXTURE_2D, 0, gl.RGBA8, bytes.length / 4, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes,
    );
  }

  flags(bytes) {
    this.kept.flags = bytes;
    this.chosen = chosenIn(bytes);
    this.send("flag", bytes, 1, this.gl.UNSIGNED_BYTE);
    this.gl.bindBuffer(this.gl.ELEMENT_ARRAY_BUFFER, this.buffers.chosen);
    this.gl.bufferData(this.gl.ELEMENT_ARRAY_BUFFER, this.chosen, this.gl.DYNAMIC_DRAW);
  }

  paint({ centre, scale, width, height, size, parts, more }) {
    const { gl, places } = this;
    if (gl.isContextLost()) return;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    if (!more) gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(places.centre, centre[0], centre[1]);
    gl.uniform2f(places.scale, (2 * scale) / width, (2 * scale) / height);
    gl.uniform1f(places.size, size);
    gl.uniform1f(places.edge, Math.min(0.5, 1.5 / size));
    gl.uniform1f(places.rim, Math.max(0, Math.min(0.5, (size - 7) / 8)));
    const any = this.chosen.length > 0;
    gl.uniform1i(places.layer, any ? 1 : 0);
    gl.uniform1f(places.opacity, any ? FAINT : SOLID);
    for (const [first, some] of parts) gl.drawArrays(gl.POINTS, first, some);
    if (!any) return;
    gl.uniform1i(places.layer, 2);
    gl.uniform1f(places.opacity, 1);
    gl.drawElements(gl.POINTS, this.chosen.length, gl.UNSIGNED_INT, 0);
  }
}

class PlainPainter {
  kind = "canvas";

  constructor(canvas) {
    this.context = canvas.getContext("2d");
  }

  prepare() {}

  load(x, y, categories) {
    this.points = [x, y, categories];
  }

  colours(bytes) {
    this.palette = bytes;
  }

  flags(bytes) {
    this.bits = bytes;
    this.chosen = chosenIn(bytes);
  }

  /** Write the pixels of squares: much faster than 100,000 calls of `fillRect`. */
  paint({ centre, scale, width, height, size, parts, more }) {
    if (!more || !this.image) this.image = this.context.createImageData(width, height);
    const view = { centre, scale, reach: Math.max(0, Math.round(size / 2 - 0.5)) };
    const any = this.chosen.length > 0;
    for (const [first, some] of parts) this.layer(this.image, any ? 1 : 0, { ...view, count: some, at: (k) => first + k });
    if (any) this.layer(this.image, 2, { ...view, count: this.chosen.length, at: (k) => this.chosen[k] });
    this.context.putImageData(this.image, 0, 0);
  }

  layer({ data, width, height }, layer, { centre, scale, reach, count, at: pointAt }) {
    const [x, y, categories] = this.points;
    const alpha = layer === 0 ? SOLID : layer === 1 ? FAINT : 1;
    for (let step = 0; step < count; step += 1) {
      const k = pointAt(step);
      const chosen = (this.bits[k] & CHOSEN) !== 0;
      if (this.bits[k] & HIDDEN || (layer !== 0 && (layer === 2) !== chosen)) continue;
      const column = Math.round(width / 2 + (x[k] - centre[0]) * scale);
      const row = Math.round(height / 2 - (y[k] - centre[1]) * scale);
      if (column < reach || row < reach || column >= width - reach || row >= height - reach) continue;
      for (let down = row - reach; down <= row + reach; down += 1) {
        for (let right = column - reach; right <= column + reach; right += 1) {
          const at = 4 * (down * width + right);
          const old = data[at + 3] / 255;
          const sum = alpha + old * (1 - alpha);
          for (let part = 0; part < 3; part += 1) {
            const own = this.palette[4 * categories[k] + part];
            data[at + part] = (own * alpha + data[at + part] * old * (1 - alpha)) / sum;
          }
          data[at + 3] = 255 * sum;
        }
      }
    }
  }
}

/** Return the chosen points that are not hidden, as many as are drawn on top. */
function chosenIn(bytes) {
  const found = [];
  for (let k = 0; k < bytes.length && found.length < MOST_CHOSEN; k += 1) {
    if ((bytes[k] & (CHOSEN | HIDDEN)) === CHOSEN) found.push(k);
  }
  return Uint32Array.from(found);
}
