import type { JSX } from "preact";
import type { CardId } from "../lib/find/types";
import { link, linkToCard, linkToMerchant } from "../lib/route";
import { ExternalText, isolated } from "./external_text";

/** A card, as the link to its page. */
export function CardLink({ card }: { card: CardId }): JSX.Element {
  return <IdLink href={linkToCard(card.card_ref)} text={card.card_id} />;
}

/** A merchant, as the link to its page; a dash before its transaction has arrived. */
export function MerchantLink({ id, otherwise = "–" }: { id: string | null; otherwise?: string }): JSX.Element {
  return id === null ? <>{otherwise}</> : <IdLink href={linkToMerchant(id)} text={id} />;
}

interface PaymentId {
  transaction_id: string;
  card_ref: string;
  has_case: boolean;
}

/** A transaction, as the link to its case; what is no alert is shown among the payments of its card. */
export function PaymentLink({ one }: { one: PaymentId }): JSX.Element {
  const href = one.has_case ? link("case", one) : linkToCard(one.card_ref, one.transaction_id);
  return <IdLink href={href} text={one.transaction_id} />;
}

function IdLink({ href, text }: { href: string; text: string }): JSX.Element {
  return (
    <a class="id" href={href} title={isolated(text)}>
      <ExternalText text={text} />
    </a>
  );
}
