// Styles: which one is chosen, which were before, what is mixed, and where it applies.
//
// A *look* is one style with a name and perhaps a small picture: {name, seed} or {name, vector}, {picture}.

const LONGEST_HISTORY = 60;

/** Event `change` whenever another style applies; `history` when only the list changed. */
export class Looks extends EventTarget {
  /** @param {{size: number, encoder: boolean, regional: boolean}} kind what the model can do */
  constructor(kind) {
    super();
    this.kind = kind;
    this.history = [{ name: "Seed 0", seed: 0 }];
    this.at = 0;
    this.locked = false;
    this.mix = null; // {look, t}: how far from the chosen look towards another one
    this.scope = "picture"; // or "class"
    this.ofClass = new Map(); // id -> look, where classes have one of their own
  }

  get current() {
    return this.history[this.at];
  }

  /** Choose a look; where classes are chosen one by one, for that class. */
  choose(look, ofClass = null) {
    if (this.scope === "class" && ofClass !== null) this.ofClass.set(ofClass, look);
    else {
      if (same(look, this.current)) Object.assign(this.current, look);
      else {
        this.history = [...this.history.slice(0, this.at + 1), look].slice(-LONGEST_HISTORY);
        this.at = this.history.length - 1;
      }
      if (this.mix && same(this.mix.look, look)) this.mix = null;
    }
    this.tell();
  }

  /** A look that nobody has seen, unless the present one is locked. */
  random(ofClass = null) {
    if (this.locked) return false;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] % 1000000;
    this.choose({ name: `Seed ${seed}`, seed }, ofClass);
    return true;
  }

  /** Backwards (-1) and forwards (1) in the history. */
  step(by) {
    const to = this.at + by;
    if (to < 0 || to >= this.history.length) return false;
    this.at = to;
    this.tell();
    return true;
  }

  lock(locked) {
    this.locked = locked;
    this.dispatchEvent(new Event("history"));
  }

  /** Between the chosen look (0) and another one (1); null ends it. */
  mixWith(look, t = 0.5) {
    this.mix = look && { look, t };
    this.tell();
  }

  setScope(scope) {
    this.scope = scope;
    this.dispatchEvent(new Event("history"));
  }

  forget(id) {
    this.ofClass.delete(id);
    this.tell();
  }

  /** The style of the whole picture as the API takes it. */
  spec() {
    if (!this.kind.size) return {};
    const own = specOf(this.current);
    return this.mix ? { mix: { a: own, b: specOf(this.mix.look), t: this.mix.t } } : own;
  }

  toJSON() {
    const { history, at, locked, mix, scope } = this;
    return {
      history: history.map(kept),
      at,
      locked,
      mix: mix && { look: kept(mix.look), t: mix.t },
      scope,
      ofClass: [...this.ofClass].map(([id, look]) => [id, kept(look)]),
    };
  }

  /**
   * Take over what toJSON gave; what doesn't fit this model's style size is left out.
   * @param {any} said
   * @param {boolean} sameModel  whether this model made them: addresses of another one's pictures show other looks here
   */
  fromJSON(said, sameModel) {
    const fits = (look) => look && (Number.isInteger(look.seed) || look.vector?.length === this.kind.size);
    const taken = ({ picture, ...look }) => (sameModel || picture?.startsWith("data:") ? { ...look, picture } : look);
    const history = (said?.history ?? []).filter(fits).map(taken);
    if (!history.length) return false;
    this.history = history;
    this.at = Math.min(Math.max(said.at ?? 0, 0), history.length - 1);
    this.locked = Boolean(said.locked);
    this.mix = fits(said.mix?.look) ? { ...said.mix, look: taken(said.mix.look) } : null;
    this.scope = this.kind.regional && said.scope === "class" ? "class" : "picture";
    const ofClass = (said.ofClass ?? []).filter(([, look]) => fits(look));
    this.ofClass = new Map(ofClass.map(([id, look]) => [id, taken(look)]));
    this.tell();
    return true;
  }

  tell() {
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("history"));
  }
}

/** A look as the API takes it. */
export function specOf(look) {
  return look.vector ? { vector: Array.from(look.vector) } : { seed: look.seed };
}

export function same(a, b) {
  if (!a || !b) return false;
  if (a.vector && b.vector)
    return a.vector.length === b.vector.length && a.vector.every((value, i) => value === b.vector[i]);
  return !a.vector && !b.vector && a.seed === b.seed;
}

/** What outlives the page: pictures that are addresses of this server, or data, not of this page. */
function kept({ name, seed, vector, picture }) {
  return {
    name,
    ...(vector ? { vector: Array.from(vector) } : { seed }),
    ...(picture && !picture.startsWith("blob:") && { picture }),
  };
}
