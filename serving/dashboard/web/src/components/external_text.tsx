import type { JSX } from "preact";

const initiators = "\u2066\u2067\u2068";
const end = "\u2069";

/**
 * A text from outside, safe within a line: paragraph separators become spaces, and the end of an isolate that the
 * text did not start is removed, since either would end the isolate around the text.
 */
export function contained(text: string): string {
  let open = 0;
  let kept = "";
  for (const letter of text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ")) {
    if (initiators.includes(letter)) open += 1;
    if (letter === end && open === 0) continue;
    if (letter === end) open -= 1;
    kept += letter;
  }
  return kept;
}

/** The text for places without elements: a title, an attribute, an option of a list. */
export function isolated(text: string): string {
  const inner = contained(text);
  const open = [...inner].reduce((count, letter) => count + (initiators.includes(letter) ? 1 : letter === end ? -1 : 0), 0);
  return `\u2068${inner}${end.repeat(Math.max(0, open))}${end}`;
}

/** A text from outside: its direction and its direction marks do not affect the text around it. */
export function ExternalText({ text }: { text: string }): JSX.Element {
  return <bdi>{contained(text)}</bdi>;
}
