import type { JSX } from "preact";

const initiators = "\u2066\u2067\u2068";
const end = "\u2069";

/**
 * A text of others, made safe to stand within a line: what separates paragraphs becomes a space, and an end of
 * an isolate that the text has not begun goes, since either would end the isolate that we put around it.
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

/** For where no element can stand, such as a title, an attribute or a choice of a list. */
export function isolated(text: string): string {
  const inner = contained(text);
  const open = [...inner].reduce((count, letter) => count + (initiators.includes(letter) ? 1 : letter === end ? -1 : 0), 0);
  return `\u2068${inner}${end.repeat(Math.max(0, open))}${end}`;
}

/** A text of others: its direction, and what in it turns directions, reach no further than itself. */
export function Foreign({ text }: { text: string }): JSX.Element {
  return <bdi>{contained(text)}</bdi>;
}
