// saveAs("/playlists/download", body, "evening.m3u8"): the browser saves what a request returns.
import { postForBlob } from "../api.js";

export async function saveAs(path, body, name) {
  const address = URL.createObjectURL(await postForBlob(path, body));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
