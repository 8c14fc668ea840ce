// The microphone: AudioWorklet -> WebSocket -> an answer each second.
import { clock, html, percent, useEffect, useRef, useState } from "../lib.js";
import { websocket } from "../api.js";
import { Button } from "../components/button.js";
import { Chart } from "../components/chart.js";
import { Ranking } from "../components/confidence.js";
import { alike, colourOf, GenreChip, useColours } from "../components/genre.js";
import { ProblemBox } from "../components/problem.js";
import { DataTwin } from "../components/table.js";

const MOST_ANSWERS = 600; // kept for the chart
const MOST_WAITING = 1 << 20; // bytes that the network has not taken; beyond, blocks are dropped

const REFUSED = {
  NotAllowedError: ["The browser may not use the microphone.", "Allow it beside the address of this page, then start again."],
  NotFoundError: ["No microphone was found.", "Connect one, then start again."],
  NotReadableError: ["The microphone cannot be opened.", "Another program may use it: close that, then start again."],
};
const problemOf = (error) => {
  const [message, remedy] = REFUSED[error.name] ?? [error.message, error.remedy];
  return { message, remedy };
};
const insecure = () => ({
  message: "Browsers allow the microphone only on pages from this computer or over HTTPS.",
  remedy: "Open the page on the computer that runs the server, or put a proxy with HTTPS before it.",
});

// Open the microphone and the socket. Returns a function that ends both.
async function connect({ onLevel, onAnswer, onEnd }) {
  if (!navigator.mediaDevices) throw insecure();
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext();
  let socket = null;
  let ended = false;
  const end = (problem) => {
    if (ended) return;
    ended = true;
    for (const track of stream.getTracks()) track.stop();
    context.close();
    if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
    else socket?.close();
    onEnd(problem);
  };
  try {
    await context.audioWorklet.addModule(new URL("../worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "sender", { numberOfOutputs: 0 });
    context.createMediaStreamSource(stream).connect(node);
    socket = websocket("/live");
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => socket.send(JSON.stringify({ sample_rate: context.sampleRate })));
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.title) end({ message: answer.title, remedy: answer.remedy });
      else onAnswer(answer);
    });
    socket.addEventListener("close", ({ reason }) => end({
      message: reason || "The connection to the server ended.", remedy: "Start again.",
    }));
    node.port.onmessage = ({ data: { level, pcm } }) => {
      onLevel(level);
      if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_WAITING) socket.send(pcm);
    };
    stream.getAudioTracks()[0].addEventListener("ended", () => end({ message: "The microphone was disconnected.", remedy: "Connect it, then start again." }));
  } catch (error) {
    end(null);
    throw error;
  }
  return () => end(null);
}

function Meter({ level }) {
  const decibels = level > 0 ? 20 * Math.log10(level) : -Infinity;
  const share = Math.max(0, Math.min(1, (decibels + 60) / 60));
  return html`<div class="meter" role="img" aria-label="Level of the microphone">
    <span style=${{ transform: `scaleX(${share})` }} /></div>`;
}

function History({ answers }) {
  useColours();
  const seen = new Map();
  for (const { ranked } of answers) for (const { genre } of ranked.slice(0, 1)) seen.set(genre, (seen.get(genre) ?? 0) + 1);
  const names = [...seen].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([name]) => name);
  const repeated = alike(names);
  const lines = names.map((label) => ({
    label, colour: colourOf(label), dashed: repeated.has(label), values: answers.map(({ ranked }) => ranked.find((each) => each.genre === label)?.probability ?? null),
  }));
  const columns = [
    { key: "seconds", title: "Time", number: true, cell: (row) => clock(row.seconds) },
    { key: "genre", title: "Genre", cell: (row) => row.genre ?? "unsure" },
    { key: "confidence", title: "Confidence", number: true, cell: (row) => percent(row.confidence) },
  ];
  return html`<section class="card"><h2>Confidence over time</h2>
    <ul class="chips">${names.map((name) => html`<li key=${name}><${GenreChip} genre=${name} hatched=${repeated.has(name)} /></li>`)}</ul>
    <${Chart} label=${`Probability of ${names.join(", ")} over the last ${answers.length} answers`}
      x=${answers.map((answer) => answer.seconds)} lines=${lines} />
    <${DataTwin} caption="Confidence over time" columns=${columns} rows=${[...answers].reverse().slice(0, 120)} />
  </section>`;
}

export function Live() {
  const [state, setState] = useState("off"); // off, opening, on
  const [problem, setProblem] = useState(null);
  const [level, setLevel] = useState(0);
  const [answers, setAnswers] = useState([]);
  const stop = useRef(null);
  const there = useRef(true);
  useEffect(() => () => { there.current = false; stop.current?.(); }, []);

  const start = async () => {
    setState("opening");
    setProblem(null);
    setAnswers([]);
    try {
      const end = await connect({
        onLevel: setLevel,
        onAnswer: (answer) => setAnswers((list) => [...list.slice(1 - MOST_ANSWERS), { ranked: [], ...answer }]),
        onEnd: (why) => { stop.current = null; setState("off"); setLevel(0); setProblem(why); },
      });
      if (!there.current) { end(); return; } // the view was left while the browser asked
      stop.current = end;
      setState("on");
    } catch (error) {
      setState("off");
      setProblem(problemOf(error));
    }
  };
  const last = answers[answers.length - 1];
  const named = last?.genre && last.genre !== "unsure";
  return html`<h1>Microphone</h1>
    <section class="card live">
      <p>Play music near the microphone. The audio goes only to your own server, which does not store it.</p>
      <div class="row">
        ${state === "on"
          ? html`<${Button} icon="stop" onClick=${() => stop.current()}>Stop<//>`
          : html`<${Button} kind="primary" icon="microphone" busy=${state === "opening"} onClick=${start}>Start<//>`}
        <${Meter} level=${level} />
      </div>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
      <div class="live-answer">
        <p class="live-genre" aria-live="polite">${last ? (named ? last.genre : "unsure") : state === "on" ? "Listening …" : "–"}</p>
        <div class="live-ranking">${last ? html`<${Ranking} genres=${last.ranked} top=${3} />` : null}</div>
        ${state === "on" && last && !named && html`<p class="note">No genre is clear enough yet.</p>`}
      </div>
    </section>
    ${answers.length > 1 && html`<${History} answers=${answers} />`}`;
}
