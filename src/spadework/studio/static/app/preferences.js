// What this browser remembers of how somebody likes the studio.

const KEY = "spadework-studio";

const DEFAULT = {
  theme: "system",
  view: "side",
  split: 50,
  palette: null,
  patterns: false,
  pressure: false,
  opacity: 0.85,
  welcomed: false,
};

let kept = { ...DEFAULT };
try {
  kept = { ...DEFAULT, ...JSON.parse(localStorage.getItem(KEY)) };
} catch {
  // A browser that stores nothing, or stored something else: the defaults.
}

/** @type {typeof DEFAULT} */
export const preferences = new Proxy(kept, {
  set(target, name, value) {
    target[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(target));
    } catch {
      // Remembered as long as the page lives.
    }
    return true;
  },
});
