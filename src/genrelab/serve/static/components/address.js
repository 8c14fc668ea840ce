// The state of a view lives in the address, so that back, reload and a bookmark work.
//
//   go("library", query, { genre: "jazz" })                  a step that "back" takes back
//   go("library", query, { search: "blue" }, { replace: true })  while one types
//   keep("library", query, { at: 120 })                      quietly: nothing is drawn again
// An empty value leaves the name out.

function address(view, query, changes) {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value !== "" && value !== null && value !== undefined && value !== false) next.set(name, String(value));
  }
  const text = next.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

export function go(view, query, changes, { replace = false } = {}) {
  const next = address(view, query, changes);
  if (replace) location.replace(next);
  else location.hash = next;
}

export function keep(view, query, changes) {
  history.replaceState(null, "", address(view, query, changes));
}
