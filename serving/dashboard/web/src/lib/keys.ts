import { useLayoutEffect } from "preact/hooks";

/** Keys without a modifier, pressed outside of fields. A layout effect installs the handler of the last rendering at
 *  once: a passive effect runs a frame later, and a quick second key would see the former state. */
export function useKeys(press: (event: KeyboardEvent) => void): void {
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) press(event);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  });
}

/** Whether the key is for a field, or for a dialog that is open. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  if (document.querySelector("dialog[open]")) return true;
  return !!target && ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
