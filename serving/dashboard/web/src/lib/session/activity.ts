/** When the user last did something on this page: the page also asks the server on its own, which is no activity. */
const events = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;
let last = Date.now();
let told = Date.now();

/** Milliseconds since the user last did something; the server is told by the request that carries it. */
export function idleFor(): number {
  told = Date.now();
  return Math.max(0, told - last);
}

/** Calls `tell` within `every` milliseconds of what the user did, unless a request has told the server since. */
export function watchActivity(tell: () => void, every: number): () => void {
  const note = (): void => {
    last = Date.now();
  };
  for (const name of events) addEventListener(name, note, { passive: true, capture: true });
  const timer = setInterval(() => last > told && tell(), every);
  return () => {
    clearInterval(timer);
    for (const name of events) removeEventListener(name, note, { capture: true });
  };
}
