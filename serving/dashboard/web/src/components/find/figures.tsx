import type { JSX } from "preact";
import type { Summary } from "../../lib/find/types";
import { date, integer, money, zoneName } from "../../lib/format";
import { Figure } from "../../pages/live";

/** What counts stop at. */
const mostCounted = 100_000;

/** A count that the server stops at a bound. */
export const counted = (count: number): string => (count > mostCounted ? `more than ${integer(mostCounted)}` : integer(count));

/** The figures at the top of a card's or merchant's page. */
export function SummaryFigures({ summary, others }: { summary: Summary; others: { name: string; value: number } }): JSX.Element {
  const usual = summary.amounts[0];
  const span = summary.first_at === null || summary.last_at === null ? "none is stored" : `${date(summary.first_at)} to ${date(summary.last_at)} ${zoneName(summary.last_at)}`;
  const part = summary.payments > summary.examined ? `, of the newest ${integer(summary.examined)}` : "";
  return (
    <section class="headline" aria-label="At a glance">
      <Figure name="payments stored" value={counted(summary.payments)} note={span} />
      <Figure name="known fraud" value={integer(summary.frauds)} note={`${integer(summary.flagged)} flagged${part}`} tone={summary.frauds ? "risk" : ""} />
      <Figure name={others.name} value={integer(others.value)} note={part ? part.slice(2) : ""} />
      <Figure name="median payment" value={usual ? money({ ...usual, amount: usual.median }) : "–"} note={usual ? amountsNote(summary) : ""} />
    </section>
  );
}

function amountsNote({ amounts }: Summary): string {
  const [first, ...rest] = amounts;
  if (!first) return "";
  const largest = `largest ${money({ ...first, amount: first.largest })}`;
  return rest.length ? `${largest}; also paid in ${rest.map((one) => one.currency).slice(0, 4).join(", ")}` : largest;
}
