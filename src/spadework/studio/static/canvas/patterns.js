// Patterns of 16 x 16 pixels, so that classes can be told apart without their colours.

const SIZE = 16;

// Each says where there is ink.
const INK = [
  () => false,
  (x, y) => (x >> 3) + (y >> 3) === 1, // the checks of what is unlabelled
  (x, y) => (x + y) % 8 < 2,
  (x, y) => (x - y + SIZE) % 8 < 2,
  (x, y) => y % 8 < 2,
  (x) => x % 8 < 2,
  (x, y) => x % 8 < 3 && y % 8 < 3,
  (x, y) => x % 8 < 2 || y % 8 < 2,
  (x, y) => (x + y) % 8 < 2 || (x - y + SIZE) % 8 < 2,
  (x, y) => y % 8 < 2 && (x + (y & 8)) % 16 < 8,
  (x, y) => x % 8 < 2 && (y + (x & 8)) % 16 < 8,
  (x, y) => (x - 8) ** 2 + (y - 8) ** 2 < 36 && (x - 8) ** 2 + (y - 8) ** 2 > 14,
  (x, y) => (Math.abs((x % 16) - 8) + y) % 8 < 2,
  (x, y) => (x + y) % 16 < 2,
  (x, y) => (x - y + SIZE) % 16 < 2,
  (x, y) => Math.abs(x - 8) + Math.abs(y - 8) < 5,
];

export const PLAIN = 0;
export const CHECKS = 1;

/** The pattern of the class at a place in the list of classes; the first is plain, later ones repeat. */
export function patternOf(place) {
  const number = place % (INK.length - 1);
  return number ? number + 1 : PLAIN;
}

/** Ink or not, for pattern * 256 + y * 16 + x. */
export const ink = Uint8Array.from({ length: INK.length * SIZE * SIZE }, (_, at) =>
  Number(INK[at >> 8](at & 15, (at >> 4) & 15)),
);
