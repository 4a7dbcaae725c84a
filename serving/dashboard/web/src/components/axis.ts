import { clockOf, dayOf, yearOf } from "../lib/format";
import { zone } from "../lib/zone";

/** A label of an axis; `at` goes from 0, its start, to 1. */
export interface Tick {
  at: number;
  text: string;
}

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];
const steps = [1, 5, 10, 30].map((n) => n * second).concat(
  [1, 2, 5, 10, 20, 30].map((n) => n * minute),
  [1, 2, 3, 6, 12].map((n) => n * hour),
  [1, 2, 5, 10, 20, 30, 60, 90, 180, 365].map((n) => n * day),
);

/** How far the reader's clock is ahead of UTC at a moment. */
const offset = (ms: number): number => (zone.value === "UTC" ? 0 : -new Date(ms).getTimezoneOffset() * minute);
const dayNumber = (ms: number): number => Math.floor((ms + offset(ms)) / day);

/** Round times from one moment to another, `most` at most; a label that starts a day, and the first one, name the day. */
export function timeTicks(from: number, to: number, most: number): Tick[] {
  const span = to - from;
  if (!(span > 0)) return [{ at: 0, text: dayAndTime(from, from) }];
  const step = steps.find((one) => span / one <= most) ?? span;
  const namesDay = dayNumber(from) !== dayNumber(Date.now()) || dayNumber(to) !== dayNumber(from);
  const ticks: Tick[] = [];
  for (let at = roundUp(from, step); at <= to; at = roundUp(at + 1, step)) {
    const isNewDay = dayNumber(at) !== dayNumber(at - step) || (namesDay && !ticks.length);
    ticks.push({ at: (at - from) / span, text: label(at, step, isNewDay) });
  }
  return ticks.length ? ticks : [{ at: 0, text: dayAndTime(from, from) }];
}

function roundUp(ms: number, step: number): number {
  const local = ms + offset(ms);
  const rounded = Math.ceil(local / step) * step;
  return rounded - offset(ms + rounded - local);
}

function label(at: number, step: number, isNewDay: boolean): string {
  if (step >= day) return dayText(at);
  const isMidnight = (at + offset(at)) % day === 0;
  const time = clockOf(at, step < minute);
  return isNewDay ? (isMidnight ? dayText(at) : `${dayText(at)}, ${time}`) : time;
}

const dayText = (at: number): string => (yearOf(at) === yearOf(Date.now()) ? dayOf(at, false) : dayOf(at, true));
const dayAndTime = (at: number, step: number): string => `${dayText(at)}, ${clockOf(at, step < minute)}`;

/** Labels of steps that are drawn side by side, `most` at most. */
export function stepTicks(texts: string[], most: number): Tick[] {
  const every = Math.max(1, Math.ceil(texts.length / most));
  return texts.map((text, n) => ({ at: (n + 0.5) / texts.length, text })).filter((_, n) => n % every === 0);
}

/** Dates such as 2026-08-01, as days. */
export function dateTicks(dates: string[], most: number): Tick[] {
  const years = new Set(dates.map((one) => one.slice(0, 4)).concat(String(yearOf(Date.now()))));
  return stepTicks(dates.map((one) => dayOf(Date.parse(`${one}T12:00Z`), years.size > 1, "UTC")), most);
}
