import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { date, money, probability, zoneName } from "../../lib/format";
import type { FoundPayment } from "../../lib/find/types";
import { DecisionChip } from "../decisions/decision";
import { ExternalText } from "../external_text";
import { CardLink, MerchantLink, PaymentLink } from "../ids";
import { DataTable } from "../records/data_table";

interface Props {
  payments: FoundPayment[];
  /** Of the page's own card or merchant every row would say the same. */
  without?: "card" | "merchant";
  /** The transaction that a link means. */
  chosen?: string;
}

/** Payments with their fraud probability, decision and label; each id is a link. */
export function PaymentsTable({ payments, without, chosen = "" }: Props): JSX.Element {
  const withCountry = payments.some((one) => one.country !== null);
  return (
    <DataTable
      columns={[`when, ${zoneName(payments[0]?.timestamp)}`, { number: "amount" }, without !== "merchant" && "merchant", without !== "card" && "card", withCountry && "country", { number: "probability" }, "decision", "label or review", "transaction"]}
      tall={without !== undefined}
      class="payments"
    >
    {payments.map((one) => (
      <Row key={one.seq} one={one} here={one.transaction_id === chosen} without={without} withCountry={withCountry} />
    ))}
    </DataTable>
  );
}

interface RowProps {
  one: FoundPayment;
  here: boolean;
  without: Props["without"];
  withCountry: boolean;
}

function Row({ one, here, without, withCountry }: RowProps): JSX.Element {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (here) row.current?.scrollIntoView({ block: "center" });
  }, [here]);
  return (
    <tr ref={row} class={here ? "here" : ""} aria-current={here ? "true" : undefined}>
      <td>{date(one.timestamp)}</td>
      <td class="number">{money(one)}</td>
      {without !== "merchant" && (
        <td>
          <MerchantLink id={one.merchant_id} />
        </td>
      )}
      {without !== "card" && (
        <td>
          <CardLink card={one} />
        </td>
      )}
      {withCountry && (
        <td>
          <ExternalText text={one.country ?? "–"} />
        </td>
      )}
      <td class="number">{one.score === null ? "–" : probability(one.score)}</td>
      <td>{one.decision === null ? <span class="muted">not scored</span> : one.decision === "approve" && !one.is_sample ? <span class="muted">approved</span> : <DecisionChip one={{ ...one, decision: one.decision }} />}</td>
      <td>
        <Known one={one} />
      </td>
      <td>
        <PaymentLink one={one} />
      </td>
    </tr>
  );
}

/** What its label says, or the latest review where there is no label. */
function Known({ one }: { one: FoundPayment }): JSX.Element | null {
  if (one.is_fraud !== null) {
    const word = one.is_fraud ? "fraud" : "legitimate";
    return <span class={`chip ${word}`}>{word}</span>;
  }
  return one.outcome === null ? null : <span class={`chip ${one.outcome}`}>{one.outcome}</span>;
}
