// Project files: everything that is needed to go on elsewhere. JSON; label maps as runs.

export const FORMAT = "spadework project";
export const SUFFIX = ".spadework.json";

/** What a project file says. */
export function describeProject({ name, model, painting, looks }) {
  return {
    format: FORMAT,
    version: 1,
    name,
    saved: new Date().toISOString(),
    model: { name: model.name, system: model.system, hash: model.hash },
    ontology: {
      name: model.ontology.name,
      classes: model.ontology.classes.map(({ id, name, color }) => ({ id, name, color })),
    },
    painting: painting.toJSON(),
    style: looks.toJSON(),
  };
}

/** What a file says, if it is a project; throws an error with its cure otherwise. */
export function readProject(text) {
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    throw trouble(
      "this is no project: it is damaged, or no JSON.",
      "Open a file that the studio saved, or a label map or photo.",
    );
  }
  if (said?.format !== FORMAT)
    throw trouble(
      "this is JSON, but no project of the studio.",
      "Open a file that the studio saved, or a label map or photo.",
    );
  if (said.version !== 1)
    throw trouble(`this is a project of version ${said.version}; this studio reads version 1.`, "Update spadework.");
  return said;
}

/** What may look different, because the project was made with another model; "" if nothing. */
export function difference(project, model) {
  if (project.model?.hash && project.model.hash === model.hash) return "";
  const other = otherMeanings(project.ontology?.classes ?? [], model);
  if (other) return `This project was made for other classes (${other}), so the map means something else here.`;
  return `This project was made with another model (${project.model?.name ?? "unknown"}); its photo will look different here.`;
}

/** The first ids that were another class than they are in this model, for people; "" for none. */
export function otherMeanings(classes, model) {
  const here = new Map(model.ontology.classes.map(({ id, name }) => [id, name]));
  const other = classes.filter(({ id, name }) => here.get(id) !== name);
  const first = other.slice(0, 3).map(({ id, name }) => `${id} was ${name}, here it is ${here.get(id) ?? "nothing"}`);
  return first.join("; ") + (other.length > 3 ? "; …" : "");
}

/** A name of a file that every system takes. */
export function fileName(name, suffix) {
  return `${
    name
      .trim()
      .replace(/[^\p{L}\p{N} ._-]+/gu, "-")
      .replace(/^[. -]+|[. -]+$/g, "") || "untitled"
  }${suffix}`;
}

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

export function trouble(message, cure) {
  return Object.assign(new Error(message), { cure });
}
