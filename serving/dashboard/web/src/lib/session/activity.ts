/** When the user last did something on this page: the page also asks the server on its own, which is no activity. */
const events = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;
let last = Date.now();
let reported = Date.now();

/** Milliseconds since the user last did something; the request that carries it informs the server. */
export function idleFor(): number {
  reported = Date.now();
  return Math.max(0, reported - last);
}

/** Calls `report` within `every` milliseconds of what the user did, unless a request has informed the server since. */
export function watchActivity(report: () => void, every: number): () => void {
  const note = (): void => {
    last = Date.now();
  };
  for (const name of events) addEventListener(name, note, { passive: true, capture: true });
  const timer = setInterval(() => last > reported && report(), every);
  return () => {
    clearInterval(timer);
    for (const name of events) removeEventListener(name, note, { capture: true });
  };
}
