// The studio's icons: strokes on a grid of 24, drawn for it.

const DRAWN = {
  brush:
    "M20 4c-4.5 1.8-8.6 5.1-11 9l2.4 2.4C15.3 13 18.5 8.5 20 4ZM8 14.2c-2.6.2-3.2 2-3.5 3.3-.2.9-.7 1.7-1.5 2 3.5 1.4 7.3.4 7.3-3.1",
  pencil: "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19 4 20ZM13.5 7l3.5 3.5",
  line: "M6 18 18 6M4.5 19.5m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0M19.5 4.5m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0",
  polygon: "M12 3.5 20.5 10l-3.3 10H6.8L3.5 10 12 3.5Z",
  lasso:
    "M12 4c5 0 9 2.5 9 6s-4 6-9 6-9-2.5-9-6 4-6 9-6ZM7 15.3c-1.5 1.2-1 3 .6 3.2 1.7.2 2.4-1.5 1.4-2.7M7 18.5c0 1.5-1 2-2 2.5",
  rectangle: "M4 6h16v12H4Z",
  fill: "M11.5 3.5 19 11l-7.5 7.5L4 11l7.5-7.5ZM4.3 11h14.4M20.5 15.5c1 1.5 1.5 2.3 1.5 3.2a1.5 1.5 0 0 1-3 0c0-.9.5-1.7 1.5-3.2Z",
  eyedropper: "M14 6.5 17.5 10M12.5 8l-8 8-.5 4 4-.5 8-8M15 6l1.7-1.7a2.4 2.4 0 0 1 3.3 3.4L18.2 9.3",
  eraser:
    "M8.5 19.5 3.8 14.8a1.8 1.8 0 0 1 0-2.5l8.5-8.5a1.8 1.8 0 0 1 2.5 0l5.4 5.4a1.8 1.8 0 0 1 0 2.5l-7.8 7.8H8.5ZM8.5 8l7.6 7.6M12 19.5h8.5",
  hand: "M7.5 12V6.5a1.5 1.5 0 0 1 3 0M10.5 11V5a1.5 1.5 0 0 1 3 0v6M13.5 11V6a1.5 1.5 0 0 1 3 0v6M16.5 9a1.5 1.5 0 0 1 3 0v5.5c0 4-2.5 6-6 6-3 0-4.5-1.2-5.9-3.6L4.7 13a1.5 1.5 0 0 1 2.5-1.7L9 13.5",
  undo: "M8.5 5 4 9.5 8.5 14M4 9.5h9.5a6 6 0 0 1 0 12H10",
  redo: "M15.5 5 20 9.5 15.5 14M20 9.5h-9.5a6 6 0 0 0 0 12H14",
  menu: "M4 7h16M4 12h16M4 17h16",
  share: "M12 15V4M8 7.5 12 3.5l4 4M5 12v6.5A1.5 1.5 0 0 0 6.5 20h11a1.5 1.5 0 0 0 1.5-1.5V12",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.4-1.2.9-1.2 1.8M12 16.8v.1",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  "eye-off":
    "M4 4l16 16M9.9 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-2.8 3.6M6.2 7.5A15.5 15.5 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 4.5-1.2M9.9 9.9a3 3 0 0 0 4.2 4.2",
  lock: "M6 11h12v9H6ZM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
  unlock: "M6 11h12v9H6ZM8.5 11V7.5a3.5 3.5 0 0 1 6.6-1.6",
  up: "M6 14.5 12 8.5l6 6",
  down: "M6 9.5l6 6 6-6",
  left: "M14.5 6l-6 6 6 6",
  right: "M9.5 6l6 6-6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 13h9.4l.8-13M10.5 11v5.5M13.5 11v5.5",
  dice: "M5.5 4h13A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5v-13A1.5 1.5 0 0 1 5.5 4ZM8.5 8.5v.1M15.5 8.5v.1M12 12v.1M8.5 15.5v.1M15.5 15.5v.1",
  photo: "M4 5.5h16v13H4ZM4.5 16l4.5-5 4 4.5 2.5-2.5 4 4M15.5 9.2v.1",
  map: "M4 5.5h16v13H4ZM4 13c3-2.5 5 1 8-.5s5-3 8-1M11 13.2v5.1",
  save: "M12 4v11M8 11.5l4 4 4-4M5 16v2.5A1.5 1.5 0 0 0 6.5 20h11a1.5 1.5 0 0 0 1.5-1.5V16",
  copy: "M9 9h11v11H9ZM15 9V4H4v11h5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.5 4.5",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1",
  why: "M9 17.5h6M10 20.5h4M9.2 17.5c0-2.5-3.2-3.7-3.2-8a6 6 0 0 1 12 0c0 4.3-3.2 5.5-3.2 8",
  layers: "M12 3.5 21 8.5l-9 5-9-5 9-5ZM3.5 12.5l8.5 4.7 8.5-4.7M3.5 16.5l8.5 4.7 8.5-4.7",
  side: "M4 5.5h16v13H4ZM12 5.5v13",
  over: "M4 4h11v11H4ZM9 9h11v11H9Z",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  mirror: "M12 3v18M9 7 4 17h5ZM15 7l5 10h-5Z",
  smooth: "M3 15c3-9 6-9 9-3s6 6 9-3",
  tidy: "M12 4l1.8 5.2L19 11l-5.2 1.8L12 18l-1.8-5.2L5 11l5.2-1.8L12 4ZM19 16v4M17 18h4M5 4v3M3.5 5.5h3",
  settings:
    "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  folder: "M3.5 6.5h6l2 2.5h9v10h-17Z",
  grid: "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM13 13h7v7h-7Z",
  stack: "M7 8h13v12H7ZM4 16V5h12",
  play: "M8 5l11 7-11 7Z",
  look: "M12 3.5c5 0 8.5 3.3 8.5 7.5 0 2.5-2 4-4.5 4h-1.5c-1.4 0-2 1.3-1.2 2.4.9 1.2.2 3.1-1.8 3.1-4.7 0-8-4-8-8.5s3.7-8.5 8.5-8.5ZM7.5 12v.1M9.5 8v.1M14 7.5v.1M17 10.5v.1",
  check: "M5 12.5l4.5 4.5L19 7",
  warning: "M12 4 2.5 20h19L12 4ZM12 10v4.5M12 17.3v.1",
  swap: "M4 8h14M15 5l3 3-3 3M20 16H6M9 13l-3 3 3 3",
  new: "M6 3.5h8l4.5 4.5v12.5H6ZM14 3.5V8h4.5M12 11.5v6M9 14.5h6",
  figure: "M4 4h7v7H4ZM13 4h7v7h-7ZM4 13h7v7H4ZM16.5 20a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
  more: "M5 12v.1M12 12v.1M19 12v.1",
};

/** An icon by name; it is decoration, the element around it bears the name. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24",
    width: 20,
    height: 20,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.6,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
  })) {
    svg.setAttribute(key, String(value));
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", DRAWN[name] ?? "");
  if (/v\.1/.test(DRAWN[name] ?? "")) svg.setAttribute("stroke-width", "1.8");
  svg.append(path);
  return svg;
}
