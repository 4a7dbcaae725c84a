import { useLayoutEffect } from "preact/hooks";

/** Keys without a modifier, pressed anywhere but in a field. The handler is always the last rendering's: a passive
 *  effect would come a frame later, and a quick hand's next key would meet the former state. */
export function useKeys(press: (event: KeyboardEvent) => void): void {
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) press(event);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  });
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target && ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
