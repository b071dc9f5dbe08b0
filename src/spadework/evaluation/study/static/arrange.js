// How the layout and the two pictures stand: whatever makes the pictures largest without scrolling.

const GAP = 14; // pixels between pictures
const LAYOUT = { row: 0.75, above: 0.6, column: 0.45 }; // the layout's size, in those of a picture
const CAPTION = 30; // pixels of height below a picture, or above it
const LEGEND = 58; // pixels of height for a legend below the layout
const LINE = 21; // pixels of height for each class in a legend beside it
const LARGEST = 760; // pixels of width, for a square
const ENLARGED = 2.6; // times their own size at most

/** The arrangement for a box, pictures of a width and height, and a number of classes: its kind, and widths in pixels. */
export function arrange(box, picture, classes) {
  const aspect = picture.width / picture.height;
  const widest = Math.min(LARGEST * Math.max(1, aspect), ENLARGED * picture.width);

  // A | layout | B;   layout over A | B;   layout, A, B one below the other.
  const widths = {
    row: Math.min((box.width - 2 * GAP) / (2 + LAYOUT.row), (box.height - CAPTION) * aspect),
    above: Math.min((box.width - GAP) / 2, ((box.height - GAP - 2 * CAPTION - LEGEND) / (1 + LAYOUT.above)) * aspect),
    column: Math.min(
      box.width,
      ((box.height - 2 * GAP) / (2 + LAYOUT.column)) * aspect,
      ((box.height - 2 * GAP - LINE * classes) / 2) * aspect,
    ),
  };
  let kind = "row";
  for (const other of ["above", "column"]) if (widths[other] > 1.05 * widths[kind]) kind = other;
  const width = Math.max(Math.min(widths[kind], widest), 120);
  return { kind, width: Math.floor(width), layoutWidth: Math.floor(width * LAYOUT[kind]) };
}
