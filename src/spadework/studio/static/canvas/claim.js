// One writer per record: a second tab with the same classes gets a record of its own, and keeps it when it is reloaded.

const PLACES = 16;
const PATIENCE = 1000; // milliseconds for the tab's former page to let go
const LONG_PATIENCE = 10000; // the same where this page is a former page's reload, and nobody else's record

/** @returns {Promise<string>} the name of a record that is ours as long as the page lives */
export async function claim(key) {
  if (!navigator.locks) return key; // Only on pages from elsewhere without TLS: the last tab to write wins.
  const names = Array.from({ length: PLACES }, (_, place) => (place ? `${key} (${place + 1})` : key));
  const before = remembered(key);
  const [{ type } = {}] = performance.getEntriesByType("navigation");
  const patience = type === "reload" ? LONG_PATIENCE : PATIENCE;
  if (names.includes(before) && (await hold(before, { signal: AbortSignal.timeout(patience) }))) return before;
  for (const name of names) {
    if (!(await hold(name, { ifAvailable: true }))) continue;
    remember(key, name);
    return name;
  }
  throw new Error(`${PLACES} tabs are open already`);
}

/** Whether the lock could be had; it is held until the page is gone. */
function hold(name, options) {
  return new Promise((answer) => {
    const keep = (lock) => {
      answer(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    };
    navigator.locks.request(`spadework ${name}`, options, keep).catch(() => answer(false));
  });
}

function remembered(key) {
  try {
    return sessionStorage.getItem(`spadework ${key}`);
  } catch {
    return null;
  }
}

function remember(key, name) {
  try {
    sessionStorage.setItem(`spadework ${key}`, name);
  } catch {
    // Without it a reload takes the first free record.
  }
}
