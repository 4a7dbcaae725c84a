import { useEffect, useState } from "preact/hooks";

/** A number that increases after changes: soon, but not again within `pause` milliseconds.
 *
 *  `watch` subscribes to the changes and returns how to leave them; it is called again when `key` changes.
 */
export function useTurns(pause: number, key: string, watch: (changed: () => void) => (() => void)[]): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let due = 0;
    const next = (): void => {
      timer = undefined;
      due = performance.now() + pause;
      setTurn((one) => one + 1);
    };
    const leave = watch(() => {
      timer ??= setTimeout(next, Math.max(0, due - performance.now()));
    });
    return () => {
      clearTimeout(timer);
      for (const one of leave) one();
    };
  }, [key]);
  return turn;
}
