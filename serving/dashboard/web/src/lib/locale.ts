// The page is in English, from left to right; numbers and times are written as in the reader's language.

/** Scripts from right to left: their dates bring marks that turn the English around them. */
const rightToLeft = ["Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg"];

/** The first of the browser's languages that can be used, without its calendars and digits. */
export function usableLocale(languages: readonly (string | undefined)[]): string {
  for (const language of languages) {
    try {
      const known = new Intl.Locale(language ?? "");
      const plain = known.baseName;
      if (!Intl.NumberFormat.supportedLocalesOf(plain).length) continue;
      return rightToLeft.includes(known.maximize().script ?? "") ? "en-GB" : plain;
    } catch {
      // Not a language tag: "C", "de_DE", or nothing at all.
    }
  }
  return "en-GB";
}

const chosen = usableLocale([...(navigator.languages ?? []), navigator.language]);

/** Everybody reads the same digits and the same calendar, whatever is usual with the language. */
export const numbers = { numberingSystem: "latn" } as const;
export const dates = { ...numbers, calendar: "gregory", hour12: false } as const;

/** A part of `Intl` for the reader's language, or for English where the browser fails at it. */
export function inLocale<T>(make: (locale: string) => T): T {
  try {
    return make(chosen);
  } catch {
    return make("en");
  }
}
