// Review: doubtful tracks, one after the other, by keyboard; then teach a model with what was corrected.
import { baseName, html, percent, several, useEffect, useRef, useState, whole } from "../lib.js";
import { get, post } from "../api.js";
import { go } from "../components/address.js";
import { Button } from "../components/button.js";
import { ConfidenceBar } from "../components/confidence.js";
import { Checkbox, Select } from "../components/field.js";
import { colourOf, GenreChip } from "../components/genre.js";
import { GenreField } from "../components/genre_field.js";
import { listen, ListenButton, titled } from "../components/listen.js";
import { Empty, Loading, ProblemBox, useLoad } from "../components/problem.js";
import { ReadOnly } from "../components/read_only.js";
import { Teach } from "../components/teach.js";
import { useSelection } from "../components/selection.js";
import { toast } from "../components/toast.js";

const LIMIT = 200; // questions per round
const MOST_CHOICES = 9; // one per digit key
const NOTHING = {
  wrong: ["No tag looks wrong", "Tags and predictions agree where both are known."],
  unsure: ["No track is unsure", "The model is sure of every track."],
  selected: ["No track is selected", "Select some in the library or on the map."],
};
const AUTOPLAY = "genrelab.review.play";

export function Review({ query, health }) {
  const selection = useSelection();
  const kind = ["unsure", "selected"].includes(query.get("kind")) ? query.get("kind") : "wrong";
  const model = query.get("model") ?? "";
  const { data: models } = useLoad(() => get("/models"), []);
  const { data, problem, reload } = useLoad(() => questionsOf(kind, model, selection), [kind, model]);
  const [answered, setAnswered] = useState(0);
  // The server compares tags for a moment per request: it is asked until all are compared.
  useEffect(() => {
    if (!data?.left) return undefined;
    const timer = setTimeout(reload, 700);
    return () => clearTimeout(timer);
  }, [data]);
  const tab = (name, title) => html`<a href=${`#/review?kind=${name}`} aria-current=${name === kind ? "page" : undefined}
    onClick=${(event) => { event.preventDefault(); go("review", "", { kind: name, model }); }}>${title}</a>`;
  const taught = (models?.items ?? []).filter(({ origin }) => origin === "taught");
  return html`<h1>Review</h1>
    <nav class="tabs" aria-label="Questions">${tab("wrong", "Tags that are probably wrong")}${tab("unsure", "Unsure tracks")}${(selection.size > 0 || kind === "selected") && tab("selected", "Selected tracks")}</nav>
    ${taught.length > 0 && html`<div class="toolbar"><${Select} label="Model" value=${model} onInput=${(path) => go("review", "", { kind, model: path })}
      options=${[["", "in use"], ...taught.map(({ path, name }) => [path, name])]} /></div>`}
    ${health && !health.writes && html`<${ReadOnly} what="keep corrections" />`}
    ${problem && html`<${ProblemBox} problem=${problem} onRetry=${reload} />`}
    ${!problem && !data && html`<${Loading} what="doubtful tracks" />`}
    ${data && html`<${Round} key=${`${kind} ${model}`} found=${data.items} total=${data.total} left=${data.left} model=${model} kind=${kind} onAnswered=${() => setAnswered((count) => count + 1)} onMore=${reload} />`}
    <${Teach} model=${model} fresh=${answered} writes=${health?.writes} />`;
}

// Of selected tracks, only the names are known yet: each is asked for when its turn comes.
async function questionsOf(kind, model, selection) {
  if (kind !== "selected") return get("/review", { kind, model, limit: LIMIT });
  return { items: selection.tracks(), total: selection.size, left: 0 };
}

// What the list does not say about a question: the genres in the file, and for selected tracks the prediction.
function completed(question, track) {
  if (!question || track?.id !== question.id) return question;
  const labels = question.labels?.length ? question.labels : (track.file_tags?.genre ?? []);
  if (question.predicted !== undefined) return { ...question, duration: track.duration, labels };
  return { ...question, ...track, labels, predicted: track.best, probability: track.confidence };
}

function Round({ found, total, left, model, kind, onAnswered, onMore }) {
  const [questions, setQuestions] = useState(found);
  // What is found later comes last: the question that is shown stays.
  useEffect(() => setQuestions((old) => {
    const known = new Set(old.map(({ id }) => id));
    return [...old, ...found.filter(({ id }) => !known.has(id))];
  }), [found]);
  const [at, setAt] = useState(0);
  const [past, setPast] = useState([]); // what was done, to undo it
  const [busy, setBusy] = useState(false);
  const [play, setPlay] = useState(() => localStorage.getItem(AUTOPLAY) !== "no");
  const card = useRef(null);
  const id = questions[at]?.id;
  const { data: track, problem } = useLoad(() => (id ? get(`/tracks/${id}`) : Promise.resolve(null)), [id]);
  const question = completed(questions[at], track);
  const choices = (track?.id === question?.id && track?.genres ? track.genres : []).slice(0, MOST_CHOICES);

  useEffect(() => card.current?.focus({ preventScroll: true }), [at]);
  useEffect(() => {
    if (question?.id && play) listen(question, { restart: true, at: question.duration ? Math.min(60, question.duration / 3) : null });
  }, [question?.id]);

  const answer = async (genre) => {
    if (busy || !question) return;
    setBusy(true);
    try {
      await post("/review", { ...(model ? { model } : {}), id: question.id, genre });
      setPast([...past, { question, genre }]);
      setAt(at + 1);
      if (genre !== "skip") onAnswered();
    } catch (refused) {
      toast(refused);
    }
    setBusy(false);
  };
  const undo = async () => {
    if (busy || !past.length) return;
    const last = past.at(-1);
    setBusy(true);
    try {
      await post("/review", { ...(model ? { model } : {}), id: last.question.id, genre: "undo" });
      setPast(past.slice(0, -1));
      setAt(at - 1);
    } catch (refused) {
      toast(refused);
    }
    setBusy(false);
  };
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if ([" ", "Enter"].includes(event.key) && event.target.closest("button, a")) return;
    const actions = {
      y: () => question?.predicted && answer(question.predicted),
      n: () => question?.labels?.length && answer(question.labels.join(";")),
      s: () => answer("skip"),
      z: undo,
      g: () => card.current.querySelector("input[list]")?.focus(),
      " ": () => question && listen(question),
    };
    if (/^[1-9]$/.test(event.key) && choices[event.key - 1]) actions[event.key] = () => answer(choices[event.key - 1].genre);
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
  const done = past.filter(({ genre }) => genre !== "skip").length;
  const switchPlay = (on) => { setPlay(on); localStorage.setItem(AUTOPLAY, on ? "yes" : "no"); };

  return html`<section class="card review" ref=${card} tabindex="-1" onKeyDown=${key} aria-label="Question">
    ${
      question
        ? html`<p class="note" role="status">${at + 1} of ${questions.length}${total > questions.length ? ` (${total} in all)` : ""}; ${done} answered${left ? `; ${whole(left)} tags are still to be compared` : ""}</p>
          <progress max=${questions.length} value=${at} aria-label="Progress"></progress>
          ${problem && html`<${ProblemBox} problem=${problem} />`}
          <${Question} question=${question} choices=${choices} busy=${busy} answer=${answer} />
          <div class="row">
            <${Button} disabled=${busy} onClick=${() => answer("skip")}>Skip <kbd>s</kbd><//>
            <${Button} disabled=${busy || !past.length} onClick=${undo}>Undo the last <kbd>z</kbd><//>
            <${Checkbox} label="Play each track" checked=${play} onInput=${switchPlay} />
          </div>`
        : left
          ? html`<${Loading} what=${`and comparing ${several("tag", left)}`} />`
          : html`<${Empty} title=${past.length ? "That was all of them" : NOTHING[kind][0]}>
            <p>${past.length ? `${several("track", done)} answered, ${past.length - done} skipped.` : NOTHING[kind][1]}</p>
            ${past.length > 0 && html`<div class="row"><${Button} disabled=${busy} onClick=${undo}>Undo the last <kbd>z</kbd><//>
              ${total > found.length && html`<${Button} kind="primary" onClick=${onMore}>Go on<//>`}</div>`}<//>`
    }
  </section>`;
}

function Question({ question, choices, busy, answer }) {
  const [typed, setTyped] = useState("");
  useEffect(() => setTyped(""), [question.id]);
  const labels = question.labels ?? [];
  const submit = (event) => { event.preventDefault(); if (typed.trim()) answer(typed.trim()); };
  return html`<div class="row"><${ListenButton} track=${question} />
      <h2 class="review-name"><a href=${`#/track/${question.id}`}>${titled(question) || baseName(question.path)}</a></h2></div>
    <p class="path">${question.path}</p>
    <div class="versus">
      <div><h3>In the file</h3>${labels.length ? html`<p><strong>${labels.join("; ")}</strong></p>
        <${Button} disabled=${busy} onClick=${() => answer(labels.join(";"))}>It is right <kbd>n</kbd><//>` : html`<p class="note">no genre</p>`}</div>
      <div><h3>Predicted</h3>${question.predicted ? html`<p><${GenreChip} genre=${question.predicted} /></p><${ConfidenceBar} value=${question.probability} genre=${question.predicted} />
        <${Button} kind="primary" disabled=${busy} onClick=${() => answer(question.predicted)}>It is right <kbd>y</kbd><//>` : html`<p class="note">no genre yet</p>`}</div>
    </div>
    ${choices.length > 0 && html`<h3>Another genre</h3><ol class="choices">${choices.map(({ genre, probability }, k) => html`<li key=${genre}>
      <${Button} disabled=${busy} onClick=${() => answer(genre)}><kbd>${k + 1}</kbd> <span class="dot" style=${{ backgroundColor: colourOf(genre) }}></span> ${genre} <span class="note">${percent(probability)}</span><//></li>`)}</ol>`}
    <form class="toolbar" onSubmit=${submit}><${GenreField} label="Or type one (key g)" value=${typed} onInput=${setTyped} />
      <${Button} type="submit" disabled=${busy || !typed.trim()}>That is right<//></form>`;
}
