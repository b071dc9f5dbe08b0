// The page that is shared: one file that needs nothing else and plays by itself.

/**
 * @typedef {object} Shared
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {Record<string, number[]>} colors of the classes that occur
 * @property {Record<string, string>} names of the classes that occur
 * @property {number[]} first the map at the beginning, as id, count, id, count, ...
 * @property {{rect: number[], ids: number[], points?: number[], size?: number, photo?: number}[]} steps `photo` is a place in `photos`
 * @property {string[]} photos data addresses
 * @property {{name: string, photo: string}[]} styles the last map in the styles that were tried; the chosen one first
 * @property {string} made what made it
 */

/** @param {Shared} shared @returns {string} the text of an HTML file */
export function pageOf(shared) {
  const data = JSON.stringify(shared).replaceAll("<", "\\u003c");
  const title = shared.name.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const policy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<div class="pictures">
<figure><canvas id="map" role="img" aria-label="The label map"></canvas><figcaption>What was painted</figcaption></figure>
<figure><img id="photo" alt="The photo"><figcaption id="caption">What became of it</figcaption></figure>
</div>
<div class="player"><button id="play" type="button" aria-label="Pause">❚❚</button><input id="time" type="range" min="0" step="any" aria-label="Time"></div>
<ul id="legend"></ul>
<div id="styles" role="group" aria-label="Styles"></div>
<p class="made" id="made"></p>
</main>
<script>const shared = ${data};
(${play})(shared);</script>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1a1d1f, #eceeef); --soft: light-dark(#5a6266, #a3abb0); --ground: light-dark(#f1f2f0, #0f1113); --island: light-dark(#fff, #1a1d20); --line: light-dark(#e0e3e0, #2b3034); --accent: light-dark(#0b7a75, #3fc9bf); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: min(100%, 68rem); padding: clamp(1rem, 3vw, 2.5rem); }
h1 { margin: 0 0 1rem; font-size: 1.5rem; letter-spacing: -.01em; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
figure > :first-child { display: block; width: 100%; border-radius: 14px; box-shadow: 0 1px 3px #0003; background: var(--island); }
canvas { image-rendering: pixelated; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .88rem; }
.player { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; }
button { font: inherit; color: inherit; cursor: pointer; }
#play { flex: none; width: 2.75rem; height: 2.75rem; border: 0; border-radius: 50%; background: var(--accent); color: light-dark(#fff, #04211f); font-size: .9rem; }
#time { flex: 1; accent-color: var(--accent); }
#legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: 0 0 1rem; padding: 0; list-style: none; font-size: .9rem; }
#legend li { display: flex; align-items: center; gap: .45rem; }
#legend i { width: 1rem; height: 1rem; border-radius: 5px; box-shadow: inset 0 0 0 1px #8885; }
#styles { display: flex; gap: .6rem; overflow-x: auto; padding: .3rem; }
#styles button { flex: none; width: 5.5rem; padding: 0; border: 0; background: none; font-size: .8rem; color: var(--soft); }
#styles img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 12px; margin-bottom: .25rem; }
#styles [aria-pressed="true"] img { box-shadow: 0 0 0 2px var(--ground), 0 0 0 4px var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
.made { color: var(--soft); font-size: .85rem; }
`;

/** What the shared page does. It stands in the page as text, so it uses nothing from around it. */
function play(shared) {
  const { width, height, colors, names, steps, photos, styles } = shared;
  const $ = (id) => document.getElementById(id);
  const [canvas, photo, time, button] = [$("map"), $("photo"), $("time"), $("play")];
  const context = canvas.getContext("2d");
  Object.assign(canvas, { width, height });
  canvas.style.aspectRatio = photo.style.aspectRatio = `${width} / ${height}`;

  // Each step takes as long as its stroke, within bounds; all together at most 40 seconds.
  const lengthOf = ({ points }) => {
    let length = 0;
    for (let at = 2; points && at < points.length; at += 2)
      length += Math.hypot(points[at] - points[at - 2], points[at + 1] - points[at - 1]);
    return length;
  };
  const durations = steps.map((step) => Math.min(1800, 350 + (600 * lengthOf(step)) / width));
  const squeeze = Math.min(1, 40000 / durations.reduce((sum, one) => sum + one, 1));
  const starts = [];
  let total = 600;
  for (const duration of durations) {
    starts.push(total);
    total += duration * squeeze;
  }
  total = Math.round(total + 400);
  time.max = total;

  // The map before each step is drawn from the one before; every sixteenth is kept.
  const ids = (runs, count) => {
    const made = new Uint16Array(count);
    for (let at = 0, to = 0; at < runs.length; at += 2) made.fill(runs[at], to, (to += runs[at + 1]));
    return made;
  };
  const paint = (target, some, w, h) => {
    const image = new ImageData(w, h);
    for (let i = 0; i < some.length; i++) image.data.set([...(colors[some[i]] || [0, 0, 0]), 255], 4 * i);
    Object.assign(target, { width: w, height: h }).getContext("2d").putImageData(image, 0, 0);
    return target;
  };
  const make = () => document.createElement("canvas");
  const patches = steps.map(({ rect, ids: runs }) => ({
    rect,
    get picture() {
      const made = paint(make(), ids(runs, rect[2] * rect[3]), rect[2], rect[3]);
      Object.defineProperty(this, "picture", { value: made });
      return made;
    },
  }));
  const kept = [paint(make(), ids(shared.first, width * height), width, height)];
  const current = make();
  Object.assign(current, { width, height });
  const pen = current.getContext("2d");
  let done = -1;
  const before = (step) => {
    if (step < done || done < 0) {
      const place = Math.min(kept.length - 1, step >> 4);
      pen.drawImage(kept[place], 0, 0);
      done = place << 4;
    }
    for (; done < step; done++) {
      pen.drawImage(patches[done].picture, patches[done].rect[0], patches[done].rect[1]);
      if ((done + 1) % 16 === 0 && kept.length === (done + 1) >> 4) {
        const copy = make();
        Object.assign(copy, { width, height }).getContext("2d").drawImage(current, 0, 0);
        kept.push(copy);
      }
    }
    return current;
  };

  // A stroke appears along its path; everything else fades in.
  const during = (step, part) => {
    const { points, size } = steps[step];
    const { rect, picture } = patches[step];
    if (!points) {
      context.globalAlpha = part;
      context.drawImage(picture, rect[0], rect[1]);
      context.globalAlpha = 1;
      return;
    }
    const mask = make();
    Object.assign(mask, { width, height });
    const brush = mask.getContext("2d");
    Object.assign(brush, { lineWidth: size + 3, lineCap: "round", lineJoin: "round" });
    brush.beginPath();
    const end = Math.max(2, 2 * Math.ceil((part * points.length) / 2));
    for (let at = 0; at < end; at += 2) brush.lineTo(points[at], points[at + 1]);
    if (end === 2) brush.lineTo(points[0] + 0.01, points[1]);
    brush.stroke();
    brush.globalCompositeOperation = "source-in";
    brush.drawImage(picture, rect[0], rect[1]);
    context.drawImage(mask, 0, 0);
  };

  const photoAt = (step) => {
    for (let at = step - 1; at >= 0; at--) if (steps[at].photo !== undefined) return photos[steps[at].photo];
    return shared.firstPhoto ?? photos[0];
  };
  let chosen = styles[0];
  const show = (now) => {
    let step = starts.findIndex((start, at) => now < start + durations[at] * squeeze);
    if (step < 0) step = steps.length;
    context.drawImage(before(step), 0, 0);
    if (step < steps.length && now > starts[step]) during(step, (now - starts[step]) / (durations[step] * squeeze));
    const picture = step === steps.length && chosen ? chosen.photo : photoAt(step);
    if (picture && photo.src !== picture) photo.src = picture;
  };

  // Playing.
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let now = calm ? total : 0;
  let running = !calm && steps.length > 0;
  let last = performance.now();
  const tell = () => {
    button.textContent = running ? "❚❚" : "▶";
    button.setAttribute("aria-label", running ? "Pause" : "Play");
  };
  const frame = (at) => {
    if (running) now = Math.min(total, now + at - last);
    last = at;
    if (running && now === total) ((running = false), tell());
    time.value = now;
    show(now);
    if (running) requestAnimationFrame(frame);
  };
  const go = () => requestAnimationFrame((at) => ((last = at), frame(at)));
  button.addEventListener("click", () => {
    running = !running;
    if (running && now >= total) now = 0;
    tell();
    go();
  });
  time.addEventListener("input", () => {
    running = false;
    now = Number(time.value);
    tell();
    show(now);
  });

  // Styles and classes.
  for (const [at, style] of styles.entries()) {
    const one = document.createElement("button");
    const picture = new Image();
    Object.assign(picture, { src: style.photo, alt: "" });
    one.type = "button";
    one.append(picture, style.name);
    one.setAttribute("aria-pressed", String(at === 0));
    one.addEventListener("click", () => {
      chosen = style;
      for (const other of $("styles").children) other.setAttribute("aria-pressed", String(other === one));
      running = false;
      now = total;
      tell();
      go();
    });
    if (styles.length > 1) $("styles").append(one);
  }
  for (const [id, name] of Object.entries(names)) {
    const line = document.createElement("li");
    const sample = document.createElement("i");
    sample.style.background = `rgb(${colors[id].join(" ")})`;
    line.append(sample, name);
    $("legend").append(line);
  }
  $("made").textContent = shared.made;
  document.querySelector(".player").hidden = !steps.length;
  tell();
  go();
}
