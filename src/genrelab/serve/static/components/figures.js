// Figures: <${Figures} results=${model.results} />: the measured quality of a model, in words.
import { html, percent } from "../lib.js";

const NAMES = [
  ["balanced_accuracy", "Balanced accuracy"], ["track_balanced_accuracy", "Balanced accuracy"],
  ["accuracy", "Accuracy"], ["track_accuracy", "Accuracy"], ["track_top2_accuracy", "First or second genre is right"],
  ["mean_average_precision", "Mean average precision"], ["mean_auc", "Mean AUC"],
];

// The measured values of the first result: [name, share, low, high].
export function measured(results) {
  const found = results?.[0] ?? {};
  const value = (figure) => (typeof figure === "number" ? figure : figure?.value);
  return NAMES.filter(([key]) => value(found[key]) != null).map(([key, name]) => {
    const figure = found[key];
    return typeof figure === "number" ? [name, figure, null, null] : [name, figure.value, figure.low, figure.high];
  });
}

export function Figures({ results }) {
  const found = results?.[0] ?? {};
  const values = measured(results);
  if (!values.length) return html`<p class="note">This model states no measured figures.</p>`;
  return html`<dl class="facts figures">${values.map(([name, value, low, high]) => html`<dt key=${name}>${name}</dt>
      <dd>${percent(value)}${low != null && html` <span class="note">(${percent(low)} to ${percent(high)})</span>`}</dd>`)}
    ${found.answered != null && found.precision != null && html`<dt>Sure enough to answer</dt>
      <dd>${percent(found.answered)} of tracks; ${percent(found.precision)} of these answers are right</dd>`}
    ${found.split && html`<dt>Measured</dt><dd class="note">${found.measured ?? found.split}</dd>`}</dl>`;
}
