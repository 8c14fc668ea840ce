// Models: which ones there are, what they know, how good they are, and which one answers.
import { html, several } from "../lib.js";
import { get } from "../api.js";
import { LinkButton } from "../components/button.js";
import { Figures } from "../components/figures.js";
import { GenreChip } from "../components/genre.js";
import { Loading, ProblemBox, useLoad } from "../components/problem.js";

const ORIGINS = { shipped: "comes with genrelab", taught: "taught", own: "own" };
const MOST_TAGS = 60;

export function Models() {
  const { data, problem, reload } = useLoad(() => get("/models"), []);
  if (problem) return html`<h1>Models</h1><${ProblemBox} problem=${problem} onRetry=${reload} />`;
  if (!data) return html`<h1>Models</h1><${Loading} what="models" />`;
  return html`<div class="title-row"><h1>Models</h1><p class="note">Models with your own genres come from <a href="#/review">Review</a> or <code>genrelab teach</code>.</p></div>
    ${data.items.map((model) => html`<${Card} key=${model.path} model=${model} />`)}`;
}

function Card({ model }) {
  const kinds = Map.groupBy(model.tags ?? [], ({ kind }) => kind);
  return html`<section class="card model" aria-label=${model.name}>
    <div class="title-row"><h2>${model.name}</h2>
      <ul class="chips">${model.current && html`<li><span class="chip plain current">in use</span></li>`}<li><span class="chip plain">${ORIGINS[model.origin]}</span></li></ul></div>
    <p class="path">${model.path}</p>
    ${
      model.problem
        ? html`<${ProblemBox} problem=${{ message: model.problem }} />`
        : html`<div class="columns">
            <div><h3>${several("genre", model.genres.length)}</h3><ul class="chips">${model.genres.map((genre) => html`<li key=${genre}><${GenreChip} genre=${genre} /></li>`)}</ul></div>
            <div><h3>Quality</h3><${Figures} results=${model.results} /></div></div>
          ${[...kinds].map(([kind, tags]) => html`<details class="twin" key=${kind}><summary>${several(kind, tags.length)}</summary>
            <ul class="chips">${tags.slice(0, MOST_TAGS).map(({ name }) => html`<li key=${name}><span class="chip plain">${name}</span></li>`)}</ul></details>`)}
          <p class="note">${[model.created && `made ${model.created}`, model.identity].filter(Boolean).join(" · ")}</p>
          ${!model.current && html`<p class="note">To recognize with it, start the server with <code>--model ${model.path}</code>.</p>`}
          ${model.origin === "taught" && html`<${LinkButton} icon="check" href=${`#/review?model=${encodeURIComponent(model.path)}`}>Review with it<//>`}`
    }
  </section>`;
}
