import type { Sum } from "./types";
import { dates, inLocale, numbers } from "./locale";

const number = (options: Intl.NumberFormatOptions) => inLocale((locale) => new Intl.NumberFormat(locale, { ...numbers, ...options }));
const when = (options: Intl.DateTimeFormatOptions) => inLocale((locale) => new Intl.DateTimeFormat(locale, { ...dates, ...options }));
const whole = number({ maximumFractionDigits: 0 });
const short = number({ notation: "compact", maximumFractionDigits: 1 });
const clock = when({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = when({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const fullDay = when({ dateStyle: "medium", timeStyle: "medium" });
const regions = inLocale((locale) => new Intl.DisplayNames([locale], { type: "region" }));
const decimals = new Map<number, Intl.NumberFormat>();

export const integer = (value: number): string => whole.format(value);
export const compact = (value: number): string => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));
export const time = (ms: number): string => clock.format(ms);
export const date = (ms: number): string => day.format(ms);
export const moment = (ms: number): string => fullDay.format(ms);

export function decimal(value: number, digits: number): string {
  const format = decimals.get(digits) ?? number({ minimumFractionDigits: digits, maximumFractionDigits: digits });
  decimals.set(digits, format);
  return format.format(value);
}

export function money(one: { amount: number; digits: number; currency: string }): string {
  return `${decimal(one.amount / 10 ** one.digits, one.digits)} ${one.currency}`;
}

/** Sums of one currency each, the first of them; they are not added up. */
export function sums(all: Sum[], most = 2): string {
  const shown = all.slice(0, most).map((one) => `${compact(one.amount)} ${one.currency}`);
  const more = all.length - shown.length;
  return shown.length ? shown.join(", ") + (more ? `, ${more} more currencies` : "") : "0";
}

export function percent(share: number | null, digits = 0): string {
  return share === null ? "–" : `${decimal(share * 100, digits)} %`;
}

/** A probability as a whole number of a hundred that never claims certainty. */
export function score(value: number): string {
  return String(Math.min(99, Math.max(1, Math.round(value * 100))));
}

export function rate(perSecond: number): string {
  return perSecond < 10 ? decimal(perSecond, 1) : compact(perSecond);
}

export function duration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${decimal(ms / 1_000, ms < 10_000 && ms % 1_000 ? 1 : 0)} s`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`;
}

export function ago(ms: number, now: number): string {
  const past = Math.max(0, now - ms);
  if (past < 2_000) return "now";
  return past < 60_000 ? `${Math.round(past / 1_000)} s` : duration(past);
}

/** The name of a kind of fraud, with spaces. */
export const fraudType = (name: string): string => name.replaceAll("_", " ");

export function country(code: string | null): string {
  if (!code) return "";
  try {
    return regions.of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}
