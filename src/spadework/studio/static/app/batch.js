// One style over many label maps: photos in a zip file.

import { element, button } from "./elements.js";
import { download, fileName } from "./project.js";
import { generate, readLabelMap } from "./server.js";
import { openSheet } from "./sheet.js";
import { zip } from "./zip.js";

const PICTURE = /\.(png|tiff?|npy|bmp|gif|jpe?g|webp)$/i;

/** A sheet that takes label maps and gives photos. */
export function openBatch(studio) {
  let running = false;
  const report = element(
    "p",
    { class: "soft", role: "status" },
    "Choose label maps, or a folder of them. They stay as they are.",
  );
  const bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Photos made" });
  const failed = element("ul", { class: "failed small" });
  const pick = (attributes) =>
    element("input", {
      type: "file",
      multiple: true,
      hidden: true,
      ...attributes,
      onchange: (event) => run([...event.target.files]),
    });
  const [some, folder] = [pick({ accept: "image/*,.npy,.tif,.tiff" }), pick({ webkitdirectory: true })];
  const choosing = [
    button("Choose files", () => some.click(), { primary: true }),
    button("Choose a folder", () => folder.click(), { symbol: "folder" }),
  ];
  const stop = button("Stop", () => (running = false), { hidden: true });
  const zone = element(
    "div",
    { class: "batch-zone" },
    element(
      "p",
      {},
      "One style over many label maps: ",
      element("b", {}, studio.looks.kind.size ? studio.looks.current.name : "the model's look"),
    ),
    report,
    bar,
    failed,
    some,
    folder,
  );
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    run([...event.dataTransfer.files]);
  });
  openSheet("A photo for each of many maps", [zone], { actions: [...choosing, stop], closed: () => (running = false) });

  async function run(chosen) {
    const maps = chosen
      .filter((file) => PICTURE.test(file.name))
      .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    if (!maps.length || running)
      return void (report.textContent = "There is no label map among these files: PNG, TIFF and NPY files are.");
    running = true;
    for (const one of choosing) one.hidden = true;
    stop.hidden = bar.hidden = false;
    failed.replaceChildren();
    const style = await studio.wholeStyle();
    const made = [];
    for (const [at, file] of maps.entries()) {
      if (!running) break;
      report.textContent = `${at + 1} of ${maps.length}: ${file.name}`;
      bar.value = at / maps.length;
      try {
        const { label_map } = await readLabelMap(file);
        const { picture } = await generate({ label_map, style, format: "png" });
        made.push({
          name: (file.webkitRelativePath || file.name).replace(/^[^/]*\/(?=.)/, "").replace(/\.[^.]*$/, ".png"),
          bytes: new Uint8Array(await picture.arrayBuffer()),
        });
      } catch (error) {
        failed.append(element("li", {}, `${file.name}: ${error.message} ${error.cure ?? ""}`));
      }
    }
    bar.value = 1;
    const whole = running;
    running = false;
    stop.hidden = bar.hidden = true;
    for (const one of choosing) one.hidden = false;
    if (made.length) download(zip(made), fileName(studio.name, "-photos.zip"));
    const left = failed.children.length ? `, ${failed.children.length} could not be read` : "";
    report.textContent = `${made.length} of ${maps.length} photos are in your downloads${left}${whole ? "." : "; stopped."}`;
  }
}
