// Player: waveform with sound.
//   <${Player} source=${url("/tracks/ID/audio")} fallback=${url("/tracks/ID/audio", { as: "ogg" })} peaks=${[[min, max], …] | null}
//     duration=${187.2} label="Song" onTime=${(seconds) => …} marked=${{ start, end } | null}
//     control=${(player) => …} />      player: { seek(seconds), play(), pause() }
//   `fallback` is used when the browser cannot play the file itself.
// PlayButton: <${PlayButton} source=… fallback=… label="Song" />: only a button, for lists.
// soundOf(id, plays): { source, fallback } of a track of the library.
//   One sound plays at a time: whatever starts stops the others.
import { clock, html, useEffect, useRef, useState } from "../lib.js";
import { url } from "../api.js";
import { Icon } from "./icon.js";
import WaveSurfer from "../vendor/wavesurfer.js";
import Regions from "../vendor/wavesurfer-regions.js";

const HEIGHT = 96; // pixels; wavesurfer's style contains it, and the policy of the page allows that style by its hash
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let playing = null; // the audio element that plays
function only(audio) {
  if (playing && playing !== audio) playing.pause();
  playing = audio;
}
// Sounds of other components that are part of the page, such as a bar with controls, count too.
document.addEventListener("play", ({ target }) => { if (target instanceof HTMLMediaElement) only(target); }, true);

// Try the file itself, then the transcoded sound; after both, ask the server for the reason.
function withFallback(audio, source, fallback, onFail) {
  let tried = false;
  audio.preload = "none";
  audio.addEventListener("error", async () => {
    if (fallback && !tried) {
      const resume = audio.dataset.wanted === "yes";
      tried = true;
      audio.src = fallback;
      if (resume) audio.play().catch(() => {});
      return;
    }
    try {
      const response = await fetch(audio.src, { headers: { Range: "bytes=0-0" } });
      const problem = response.ok ? null : await response.json();
      onFail({ message: problem?.title ?? "This browser cannot play the file.", remedy: problem?.remedy });
    } catch { onFail({ message: "The sound cannot be loaded.", remedy: "Check whether the server is still running." }); }
  });
  audio.addEventListener("play", () => { audio.dataset.wanted = "yes"; only(audio); });
  audio.addEventListener("pause", () => { if (!audio.error) audio.dataset.wanted = ""; });
  audio.src = source;
}

// Where the sound of a track of the library is: the file itself, and encoded for browsers that do not know its format.
export function soundOf(id, plays = null) {
  const source = url(`/tracks/${id}/audio`);
  const fallback = url(`/tracks/${id}/audio`, { as: "ogg" });
  return plays === false ? { source: fallback } : { source, fallback };
}

// Two channels of absolute height: above the middle the highest, below it the lowest sample.
const channels = (peaks) => (peaks ? [peaks.map(([, high]) => Math.max(0, high)), peaks.map(([low]) => Math.max(0, -low))] : [[0, 0]]);

export function Player({ source, fallback, peaks, duration, label, onTime, marked, control }) {
  const host = useRef(null);
  const wave = useRef(null);
  const regions = useRef(null);
  const tell = useRef(onTime);
  tell.current = onTime;
  const [on, setOn] = useState(false);
  const [time, setTime] = useState(0);
  const [problem, setProblem] = useState(null);

  useEffect(() => {
    const audio = new Audio();
    setProblem(null);
    setTime(0);
    withFallback(audio, source, fallback, setProblem);
    const surfer = WaveSurfer.create({
      container: host.current, height: HEIGHT, media: audio, peaks: channels(peaks), duration: duration || 1, normalize: true,
      waveColor: token("--edge"), progressColor: token("--accent"), cursorColor: token("--ink"), cursorWidth: 2,
      barWidth: 2, barGap: 1, barRadius: 1, dragToSeek: true,
    });
    regions.current = surfer.registerPlugin(Regions.create());
    wave.current = surfer;
    const moved = () => { setTime(audio.currentTime); tell.current?.(audio.currentTime); };
    for (const name of ["timeupdate", "seeking"]) audio.addEventListener(name, moved);
    audio.addEventListener("play", () => setOn(true));
    for (const name of ["pause", "ended"]) audio.addEventListener(name, () => setOn(false));
    // Without loaded sound an element has no time yet: the wish is kept until it has.
    const seek = (seconds) => {
      if (audio.readyState) audio.currentTime = seconds;
      else {
        audio.addEventListener("loadedmetadata", () => { audio.currentTime = seconds; }, { once: true });
        audio.preload = "metadata";
        audio.load();
      }
      setTime(seconds);
      tell.current?.(seconds);
    };
    surfer.on("interaction", (seconds) => { if (!audio.readyState) seek(seconds); });
    control?.({ seek, play: () => audio.play().catch(() => {}), pause: () => audio.pause() });
    const repaint = () => surfer.setOptions({ waveColor: token("--edge"), progressColor: token("--accent"), cursorColor: token("--ink") });
    addEventListener("themechange", repaint);
    return () => {
      removeEventListener("themechange", repaint);
      audio.pause();
      audio.removeAttribute("src");
      if (playing === audio) playing = null;
      surfer.destroy();
    };
  }, [source, peaks]);

  useEffect(() => {
    if (!regions.current) return;
    regions.current.clearRegions();
    if (marked) {
      regions.current.addRegion({ start: marked.start, end: marked.end, drag: false, resize: false, color: `${token("--accent")}33` });
    }
  }, [marked?.start, marked?.end, source, peaks]);

  const audio = () => wave.current.getMediaElement();
  const toggle = () => { if (audio().paused) audio().play().catch(() => {}); else audio().pause(); };
  const keys = (event) => {
    const step = { ArrowRight: 5, ArrowLeft: -5 }[event.key];
    if (!step || event.target.tagName !== "BUTTON") return;
    event.preventDefault();
    audio().currentTime = Math.min(duration || Infinity, Math.max(0, audio().currentTime + step));
  };
  return html`<div class="player" role="group" aria-label=${`Player: ${label}`} onKeyDown=${keys}>
    <button type="button" class="play" aria-label=${on ? "Pause" : "Play"} onClick=${toggle}>
      <${Icon} name=${on ? "pause" : "play"} /></button>
    <div class="wave" ref=${host} />
    <p class="time number">${clock(time)} <span>/ ${clock(duration)}</span></p>
    ${problem && html`<p class="note" role="status">${problem.message} ${problem.remedy}</p>`}
  </div>`;
}

export function PlayButton({ source, fallback, label }) {
  const audio = useRef(null);
  const [on, setOn] = useState(false);
  const [problem, setProblem] = useState(null);
  useEffect(() => () => { audio.current?.pause(); audio.current?.removeAttribute("src"); audio.current = null; setOn(false); }, [source]);
  const toggle = () => {
    if (!audio.current) {
      const made = (audio.current = new Audio());
      withFallback(made, source, fallback, setProblem);
      made.addEventListener("play", () => setOn(true));
      for (const name of ["pause", "ended"]) made.addEventListener(name, () => setOn(false));
    }
    setProblem(null);
    if (audio.current.paused) audio.current.play().catch(() => {}); else audio.current.pause();
  };
  return html`<button type="button" class="play small" aria-label=${`${on ? "Pause" : "Play"} ${label}`} title=${problem?.message}
    onClick=${toggle}><${Icon} name=${problem ? "warning" : on ? "pause" : "play"} /></button>`;
}
