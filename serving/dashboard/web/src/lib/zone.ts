import { Cell } from "./state";

// Times are read in one zone, which each user chooses once for their browser.
export type Zone = "local" | "UTC";

function stored(): Zone {
  try {
    return localStorage.getItem("zone") === "UTC" ? "UTC" : "local";
  } catch {
    return "local"; // a browser that lets pages store nothing
  }
}

export const zone = new Cell<Zone>(stored());

export function nextZone(): void {
  const next = zone.value === "local" ? "UTC" : "local";
  try {
    localStorage.setItem("zone", next);
  } catch {
    // It lasts until the page is closed.
  }
  zone.set(next);
}
