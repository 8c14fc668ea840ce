// saveAs("/playlists/download", body, "evening.m3u8"): the browser saves what a request returns.
// saveBlob(blob, "genres.json"): it saves what the page has made.
import { postForBlob } from "../api.js";

export function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const saveAs = async (path, body, name) => saveBlob(await postForBlob(path, body), name);
