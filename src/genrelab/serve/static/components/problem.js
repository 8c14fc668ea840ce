// ProblemBox: <${ProblemBox} problem=${problem} onRetry=${load} />. Says what is wrong, where, and what helps.
// Loading: <${Loading} what="tracks" />; Empty: <${Empty} title="No tracks yet">what to do<//>
// useLoad: const { data, problem, loading, reload } = useLoad(() => get("/genres"), [dependencies]);
//   keeps the old data while it loads again; an answer that comes too late is dropped.
import { html, useCallback, useEffect, useRef, useState } from "../lib.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

export function ProblemBox({ problem, onRetry }) {
  return html`<div class="problem" role="alert"><${Icon} name="warning" />
    <div><p>${problem.message}</p>
      ${problem.path && html`<p class="path">${problem.path}</p>`}
      ${problem.remedy && html`<p class="note">${problem.remedy}</p>`}
      ${onRetry && html`<${Button} kind="quiet" onClick=${() => onRetry()}>Try again<//>`}</div>
  </div>`;
}

export const Loading = ({ what = "" }) => html`<p class="loading" role="status"><span class="ring" aria-hidden="true" />Loading ${what} …</p>`;

export const Empty = ({ title, children }) => html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;

export function useLoad(load, dependencies = []) {
  const [state, setState] = useState({ data: null, problem: null, loading: true });
  const turn = useRef(0);
  const reload = useCallback(() => {
    const mine = (turn.current += 1);
    setState((old) => ({ ...old, problem: null, loading: true }));
    return load().then(
      (data) => { if (turn.current === mine) setState({ data, problem: null, loading: false }); },
      (problem) => {
        if (turn.current === mine && problem.name !== "AbortError") setState((old) => ({ ...old, problem, loading: false }));
      },
    );
  }, dependencies);
  useEffect(() => { reload(); return () => { turn.current += 1; }; }, [reload]);
  return { ...state, reload };
}
