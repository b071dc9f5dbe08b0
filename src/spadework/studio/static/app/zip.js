// A zip file of files that are compressed already: stored, not packed.

import { crc32, joined } from "./png_ids.js";

const TEXT = new TextEncoder();
const NAMES_IN_UTF8 = 0x0800;

/**
 * @param {{name: string, bytes: Uint8Array}[]} files
 * @returns {Blob}
 */
export function zip(files, when = new Date()) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const { name, bytes } of unlike(files)) {
    const head = entry(name, bytes, when);
    const local = joined([numbers([[4, 0x04034b50]]), head.common, head.name]);
    parts.push(local, bytes);
    directory.push(
      joined([
        numbers([
          [4, 0x02014b50],
          [2, 20],
        ]),
        head.common,
        numbers([
          [2, 0],
          [2, 0],
          [2, 0],
          [4, 0],
          [4, at],
        ]),
        head.name,
      ]),
    );
    at += local.length + bytes.length;
  }
  const listed = joined(directory);
  const end = numbers([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, listed.length],
    [4, at],
    [2, 0],
  ]);
  return new Blob([...parts, listed, end], { type: "application/zip" });
}

/** What stands about a file both before it and in the directory. */
function entry(name, bytes, when) {
  const named = TEXT.encode(name);
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  const day = ((Math.max(when.getFullYear(), 1980) - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  const common = numbers([
    [2, 20],
    [2, NAMES_IN_UTF8],
    [2, 0],
    [2, time],
    [2, day],
    [4, crc32(bytes)],
    [4, bytes.length],
    [4, bytes.length],
    [2, named.length],
    [2, 0],
  ]);
  return { common, name: named };
}

/** The files under names of their own: a second a.png becomes a (2).png. */
function unlike(files) {
  const seen = new Set();
  return files.map(({ name, bytes }) => {
    let free = name;
    for (let number = 2; seen.has(free); number++) free = name.replace(/(\.[^.]*)?$/, ` (${number})$1`);
    seen.add(free);
    return { name: free, bytes };
  });
}

/** Little-endian numbers of the given sizes in bytes. */
function numbers(values) {
  const made = new Uint8Array(values.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(made.buffer);
  let at = 0;
  for (const [size, value] of values) {
    if (size === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += size;
  }
  return made;
}
