// The tracks that are selected: one selection for the library, the map, tags and playlists.
//
// It survives changing the view and reloading the page (in the storage of the tab), and no more.

import { useEffect, useState } from "../lib.js";

export const MOST_SELECTED = 5000;
const KEY = "genrelab.selection";

const listeners = new Set();
let chosen = read();
let version = 0;

function read() {
  try {
    const rows = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return new Map(rows.map(([id, name]) => [id, { id, name }]));
  } catch {
    return new Map(); // another version wrote it, or storage is switched off
  }
}

function tell() {
  version += 1;
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...chosen.values()].map(({ id, name }) => [id, name])));
  } catch {
    // Without storage the selection lasts until the page is reloaded.
  }
  for (const listener of listeners) listener();
}

export const selection = {
  has: (id) => chosen.has(id),
  /** Changes whenever the selection does. */
  get version() {
    return version;
  },
  get size() {
    return chosen.size;
  },
  ids: () => [...chosen.keys()],
  tracks: () => [...chosen.values()],
  /** Select only these; returns how many were too many. */
  set(tracks) {
    chosen = new Map(tracks.slice(0, MOST_SELECTED).map((track) => [track.id, track]));
    tell();
    return Math.max(0, tracks.length - MOST_SELECTED);
  },
  /** Select these too; returns how many were too many. */
  add(tracks) {
    const fresh = tracks.filter(({ id }) => !chosen.has(id));
    const room = Math.max(0, MOST_SELECTED - chosen.size);
    for (const track of fresh.slice(0, room)) chosen.set(track.id, track);
    tell();
    return Math.max(0, fresh.length - room);
  },
  toggle(track) {
    if (!chosen.delete(track.id) && chosen.size < MOST_SELECTED) chosen.set(track.id, track);
    tell();
  },
  remove(id) {
    chosen.delete(id);
    tell();
  },
  clear() {
    chosen = new Map();
    tell();
  },
};

/** Return the selection; the component is drawn again whenever it changes. */
export function useSelection() {
  const [, again] = useState(0);
  useEffect(() => {
    const listener = () => again((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return selection;
}
