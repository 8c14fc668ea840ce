// Files that were dropped or chosen: folders are walked through, what is not audio is skipped and counted.
//
//   const { files, skipped, full } = await fromDrop(event.dataTransfer);    fromInput(input.files)
//   Each file is { file: File, name: "Album/01.mp3" }. `full`: whether there were more than MOST_FILES.

export const MOST_FILES = 5000;

const SOUND = new Set(("mp3 flac ogg oga opus m4a m4b mp4 aac wav wave aif aiff aifc wma wv ape mpc mka webm mov mkv avi ac3 dts tta "
  + "tak alac amr au caf dsf dff mp2 mpga spx 3gp").split(" "));
const isSound = (file) => file.type.startsWith("audio/") || file.type.startsWith("video/")
  || SOUND.has(file.name.split(".").pop().toLowerCase());

function sorted(found) {
  const sounds = found.filter(({ file }) => isSound(file));
  sounds.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return { files: sounds.slice(0, MOST_FILES), skipped: found.length - sounds.length, full: sounds.length > MOST_FILES };
}

// A single file is taken whatever its name is: the server says what is wrong with it.
export function fromInput(list) {
  const found = [...list].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  return found.length === 1 ? { files: found, skipped: 0, full: false } : sorted(found);
}

const read = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(null)));
const list = (reader) => new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));

async function walk(entry, found) {
  if (found.length > 2 * MOST_FILES) return;
  if (entry.isFile) {
    const file = await read(entry);
    if (file) found.push({ file, name: entry.fullPath.replace(/^\//, "") });
  } else if (entry.isDirectory) {
    const reader = entry.createReader();
    for (;;) { // a reader gives a hundred entries at a time
      const some = await list(reader);
      if (!some.length) return;
      for (const each of some) await walk(each, found);
    }
  }
}

export async function fromDrop(transfer) {
  // Entries must be taken before the first await: afterwards the browser has emptied the list.
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return fromInput(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return entries.length === 1 && entries[0].isFile ? { files: found, skipped: 0, full: false } : sorted(found);
}
