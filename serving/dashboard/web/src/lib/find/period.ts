import { zone } from "../zone";

/** Days as date fields have them, `2026-11-29`; empty does not restrict. */
export interface Days {
  from: string;
  to: string;
}

/** Event times from the start of the first day on and before the end of the last one, in the chosen zone. */
export interface Period {
  since: number | null;
  until: number | null;
}

export function periodOf({ from, to }: Days): Period {
  return { since: startOfDay(from, 0), until: startOfDay(to, 1) };
}

/** The start of a day, or of one after it: days have 23 to 25 hours where clocks change. */
function startOfDay(day: string, later: number): number | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day)?.slice(1).map(Number);
  if (!parts) return null;
  const [year = 0, month = 1, date = 1] = parts;
  const at = zone.value === "UTC" ? Date.UTC(year, month - 1, date + later) : new Date(year, month - 1, date + later).getTime();
  return Math.max(0, at);
}
