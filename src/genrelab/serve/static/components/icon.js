// Icon: <${Icon} name="play" />. Decoration only: the text beside it, or an aria-label, says what it means.
import { html } from "../lib.js";

const PATHS = {
  drop: "M12 15V4m0 0L8 8m4-4 4 4M4 15v4a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-4",
  microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM6 11a6 6 0 0 0 12 0M12 17v4",
  list: "M4 6h16M4 12h16M4 18h16",
  map: "M6 7h.01M11 5h.01M9 11h.01M16 8h.01M18 14h.01M7 17h.01M13 15h.01M15 19h.01",
  check: "m5 12 5 5L20 7",
  playlist: "M4 6h10M4 11h10M4 16h6M17 18V8l3 1.500M17 18a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z",
  tag: "M4 4h8l8 8-8 8-8-8V4ZM8.500 8.500h.01",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 4v4l3 2",
  box: "M4 8l8-4 8 4v8l-8 4-8-4V8Zm0 0 8 4 8-4M12 12v8",
  menu: "M4 7h16M4 12h16M4 17h16",
  play: "M8 5v14l11-7L8 5Z",
  pause: "M8 5v14M16 5v14",
  close: "m6 6 12 12M18 6 6 18",
  stop: "M7 7h10v10H7z",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12Zm4.500 10.500L20 20",
  warning: "M12 4 3 19h18L12 4Zm0 6v4m0 2.500h.01",
  folder: "M4 6h6l2 2h8v10H4V6Z",
  download: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
  <path d=${PATHS[name]} /></svg>`;
