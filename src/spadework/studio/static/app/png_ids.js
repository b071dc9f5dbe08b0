// Label maps as PNG files of ids: one gray channel of 8 or 16 bits. Written and read here, since a canvas would make them
// colours and round them.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/** The check sum of PNG and of zip. */
export function crc32(bytes) {
  let sum = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) sum = CRC[(sum ^ bytes[at]) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/**
 * Ids [H * W] -> the bytes of a PNG file; 16 bits where an id needs them.
 * @param {Uint16Array} ids
 */
export async function encodeIds(ids, width, height) {
  const wide = ids.some((id) => id > 255);
  const size = wide ? 2 : 1;
  const rows = new Uint8Array(height * (1 + width * size));
  let at = 0;
  for (let y = 0; y < height; y++) {
    at++; // Filter 0: none.
    for (let x = 0; x < width; x++) {
      const id = ids[y * width + x];
      if (wide) rows[at++] = id >> 8;
      rows[at++] = id & 255;
    }
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8 * size, 0, 0, 0, 0], 8); // Bits, gray, deflate, filters by row, not interlaced.
  const packed = await through(rows, new CompressionStream("deflate"));
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", head),
    chunk("IDAT", packed),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/**
 * The bytes of a gray PNG file -> {ids, width, height}.
 * @param {Uint8Array} file
 */
export async function decodeIds(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (SIGNATURE.some((byte, at) => file[at] !== byte)) throw new Error("The server's label map is not a PNG file.");
  const [width, height, bits, color] = [view.getUint32(16), view.getUint32(20), file[24], file[25]];
  if (color !== 0 || (bits !== 8 && bits !== 16))
    throw new Error("The server's label map is not a gray PNG file of 8 or 16 bits.");

  const parts = [];
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (name === "IDAT") parts.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = await through(joined(parts), new DecompressionStream("deflate"));
  const size = bits / 8;
  const bytes = unfilter(rows, width * size, height, size);
  const ids = new Uint16Array(width * height);
  for (let i = 0; i < ids.length; i++) ids[i] = size === 1 ? bytes[i] : (bytes[2 * i] << 8) | bytes[2 * i + 1];
  return { ids, width, height };
}

/** Undo PNG's prediction of bytes from their neighbours: left, above, and left above. */
function unfilter(rows, stride, height, size) {
  const bytes = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    const from = y * (stride + 1) + 1;
    const to = y * stride;
    for (let x = 0; x < stride; x++) {
      const left = x >= size ? bytes[to + x - size] : 0;
      const up = y ? bytes[to + x - stride] : 0;
      const corner = y && x >= size ? bytes[to + x - stride - size] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      bytes[to + x] = rows[from + x] + guess;
    }
  }
  return bytes;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner;
}

function chunk(name, data) {
  const made = new Uint8Array(12 + data.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  made.set(
    [...name].map((letter) => letter.charCodeAt(0)),
    4,
  );
  made.set(data, 8);
  view.setUint32(8 + data.length, crc32(made.subarray(4, 8 + data.length)));
  return made;
}

/** Pieces of bytes, one behind the other. */
export function joined(pieces) {
  const made = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    made.set(piece, at);
    at += piece.length;
  }
  return made;
}

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
