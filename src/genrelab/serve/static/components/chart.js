// Chart: lines over time, drawn by uPlot.
//   <${Chart} label="Probability over time" x=${[0, 10, 20]} lines=${[{ label: "jazz", colour: "#3d85e0", dashed: false, values: [0.2, …] }]}
//     height=${200} at=${12.5} span=${[0, 187.2]} onSeek=${(seconds) => …} />
//   `x` is in seconds, values are probabilities from 0 to 1, null leaves a gap. Give it a table twin (table.js).
import { clock, html, percent, useEffect, useRef } from "../lib.js";
import uPlot from "../vendor/uplot.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // seconds between two labels: whole ones, so none is there twice

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A thin line in a light colour is hard to see on white.
function onPaper(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const light = (0.3 * red + 0.59 * green + 0.11 * blue) / 255;
  const share = window.genrelabTheme.dark || light < 0.6 ? 1 : 0.6 / light;
  return `rgb(${[red, green, blue].map((each) => Math.round(each * share)).join(" ")})`;
}

function options(width, height, lines, span, seek) {
  const axis = { stroke: token("--soft"), grid: { stroke: token("--rule"), width: 1 }, ticks: { show: false },
    font: "12px system-ui, sans-serif" };
  return {
    width, height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false, range: span ?? undefined }, y: { range: [0, 1] } },
    padding: [8, 22, 0, 0],
    axes: [
      { ...axis, size: 30, incrs: STEPS, values: (_, splits) => splits.map(clock) },
      { ...axis, size: 48, values: (_, splits) => splits.map(percent) },
    ],
    series: [{}, ...lines.map((line) => ({ label: line.label, stroke: onPaper(line.colour), dash: line.dashed ? [6, 5] : undefined, width: 2, points: { show: false } }))],
    hooks: { init: [(plot) => plot.over.addEventListener("click", () => seek(plot.posToVal(plot.cursor.left, "x")))] },
  };
}

export function Chart({ label, x, lines, height = 180, at = null, span = null, onSeek }) {
  const host = useRef(null);
  const plot = useRef(null);
  const seek = useRef(onSeek);
  seek.current = onSeek;
  const shape = JSON.stringify(lines.map((line) => [line.label, line.colour, line.dashed]));
  const data = () => [x, ...lines.map((line) => line.values)];
  useEffect(() => {
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(host.current.clientWidth, height, lines, span, (time) => seek.current?.(time)), data(), host.current);
    };
    make();
    const watch = new ResizeObserver(() => {
      const width = host.current?.clientWidth;
      if (width && width !== plot.current.width) plot.current.setSize({ width, height });
    });
    watch.observe(host.current);
    addEventListener("themechange", make);
    return () => { watch.disconnect(); removeEventListener("themechange", make); plot.current.destroy(); plot.current = null; };
  }, [shape, height, span?.[1]]);
  useEffect(() => { plot.current?.setData(data()); }, [x, lines]);
  useEffect(() => {
    if (at === null || !plot.current) return;
    plot.current.setCursor({ left: plot.current.valToPos(at, "x"), top: 1 }, false);
  }, [at]);
  return html`<div class="chart" role="img" aria-label=${label} ref=${host} style=${{ height: `${height}px` }} />`;
}
