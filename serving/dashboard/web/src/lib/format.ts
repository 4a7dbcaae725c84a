import type { Sum } from "./types";
import { dates, inLocale, numbers } from "./locale";
import { zone, type Zone } from "./zone";

const number = (options: Intl.NumberFormatOptions) => inLocale((locale) => new Intl.NumberFormat(locale, { ...numbers, ...options }));
const when = (options: Intl.DateTimeFormatOptions): Record<Zone, Intl.DateTimeFormat> => ({
  local: inLocale((locale) => new Intl.DateTimeFormat(locale, { ...dates, ...options })),
  UTC: inLocale((locale) => new Intl.DateTimeFormat(locale, { ...dates, ...options, timeZone: "UTC" })),
});
const whole = number({ maximumFractionDigits: 0 });
const short = number({ notation: "compact", maximumFractionDigits: 1 });
const clock = when({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = when({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const fullDay = when({ dateStyle: "medium", timeStyle: "medium" });
const minutes = when({ hour: "2-digit", minute: "2-digit" });
const dayOnly = when({ day: "numeric", month: "short" });
const dayWithYear = when({ day: "numeric", month: "short", year: "numeric" });
const names = when({ timeZoneName: "short" });
const regions = inLocale((locale) => new Intl.DisplayNames([locale], { type: "region" }));
const decimals = new Map<number, Intl.NumberFormat>();
const currencies = new Map<string, Intl.NumberFormat>();
const shortCurrencies = new Map<string, Intl.NumberFormat>();

export const integer = (value: number): string => whole.format(value);
export const compact = (value: number): string => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));
/** A time of the day and a day with its time: what shows them names their zone once, with `zoneName`. */
export const time = (ms: number): string => clock[zone.value].format(ms);
export const date = (ms: number): string => day[zone.value].format(ms);
/** A day, its time and their zone. */
export const moment = (ms: number): string => `${fullDay[zone.value].format(ms)} ${zoneName(ms)}`;

/** Parts of a moment, for the labels of an axis. */
export const clockOf = (ms: number, withSeconds: boolean): string => (withSeconds ? clock : minutes)[zone.value].format(ms);
export const dayOf = (ms: number, withYear: boolean, within: Zone = zone.value): string => (withYear ? dayWithYear : dayOnly)[within].format(ms);
export const yearOf = (ms: number): number => (zone.value === "UTC" ? new Date(ms).getUTCFullYear() : new Date(ms).getFullYear());

/** The zone of `time` and `date`, as at that moment: `UTC`, `CET`, `GMT+5:30`. */
export function zoneName(ms: number = Date.now()): string {
  return names[zone.value].formatToParts(ms).find((part) => part.type === "timeZoneName")?.value ?? zone.value;
}

export function decimal(value: number, digits: number): string {
  const format = decimals.get(digits) ?? number({ minimumFractionDigits: digits, maximumFractionDigits: digits });
  decimals.set(digits, format);
  return format.format(value);
}

/** An amount in minor units, with its currency's sign where the reader's language has one. */
export function money(one: { amount: number; digits: number; currency: string }): string {
  return units(one.amount / 10 ** one.digits, one.digits, one.currency);
}

/** An amount in units of its currency. */
export function units(amount: number, digits: number, currency: string): string {
  try {
    return inCurrency(currency, digits).format(amount);
  } catch {
    return `${decimal(amount, digits)} ${currency}`; // what is no code of a currency
  }
}

function inCurrency(currency: string, digits: number): Intl.NumberFormat {
  const key = `${currency} ${digits}`;
  const format = currencies.get(key) ?? number({ style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  currencies.set(key, format);
  return format;
}

/** Sums of one currency each, the first of them; they are not added up. */
export function sums(all: Sum[], most = 2): string {
  const shown = all.slice(0, most).map(shortSum);
  const more = all.length - shown.length;
  return shown.length ? shown.join(", ") + (more ? `, ${more} more ${more === 1 ? "currency" : "currencies"}` : "") : "0";
}

/** What follows the first of several sums, where there is room for no more: "and 4 more currencies; ". */
export function andMore(all: Sum[]): string {
  const more = all.length - 1;
  return more > 0 ? `and ${more} more ${more === 1 ? "currency" : "currencies"}; ` : "";
}

function shortSum({ amount, currency }: Sum): string {
  if (Math.abs(amount) < 10_000) return units(amount, 0, currency);
  try {
    const format = shortCurrencies.get(currency) ?? number({ style: "currency", currency, notation: "compact", maximumFractionDigits: 1 });
    shortCurrencies.set(currency, format);
    return format.format(amount);
  } catch {
    return `${compact(amount)} ${currency}`;
  }
}

export function percent(share: number | null, digits = 0): string {
  return share === null ? "–" : `${decimal(share * 100, digits)} %`;
}

/** A probability in whole percent that never claims certainty. */
export function probability(value: number): string {
  return `${Math.min(99, Math.max(1, Math.round(value * 100)))} %`;
}

export function rate(perSecond: number): string {
  return perSecond < 10 ? decimal(perSecond, perSecond > 0 && perSecond < 0.1 ? 3 : 1) : compact(perSecond);
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
