// What every component and view imports: Preact, its hooks and htm, and small helpers.
//
//   import { html, useState } from "./lib.js";
export {
  html, h, render, Component, createContext, useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo,
  useCallback, useContext, useErrorBoundary,
} from "./vendor/htm-preact.js";

// 0.8312 -> "83 %"
export const percent = (value) => (value == null ? "" : `${Math.round(value * 100)} %`);

// 187.4 -> "3:07"; 3725 -> "1:02:05"
export function clock(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "";
  const whole = Math.floor(Math.max(0, seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// 5242880 -> "5.0 MB"
export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (count >= 1000 && step < units.length - 1) { count /= 1000; step += 1; }
  return step ? `${count.toFixed(1)} ${units[step]}` : `${count} ${units[0]}`;
}

// 1234567 -> "1,234,567"; several("track", 2) -> "2 tracks"
export const whole = (count) => (count == null ? "" : count.toLocaleString("en"));
export const several = (word, count) => `${whole(count)} ${word}${count === 1 ? "" : "s"}`;

// "2026-11-30T10:39:00Z" -> "30 Nov 2026, 10:39" in the time zone of the reader
export const moment = (text) => (text
  ? new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })
  : "");

// The last step of a path.
export const baseName = (path) => (path ?? "").replace(/[\\/]+$/, "").split(/[\\/]/).pop();

let lastId = 0;
// A new id for `for`, `aria-labelledby` and the like: const id = useMemo(() => newId("field"), []);
export const newId = (stem) => `${stem}-${(lastId += 1)}`;
