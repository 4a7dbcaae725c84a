import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CardMap } from "../components/card_map";
import { ListsOfSubject } from "../components/decisions/list_actions";
import { ExternalText, isolated } from "../components/external_text";
import { AlertList } from "../components/feed";
import { DayFields } from "../components/find/day_fields";
import { SummaryFigures } from "../components/find/figures";
import { LoadMore, usePaymentHistory } from "../components/find/payment_history";
import { PaymentsTable } from "../components/find/payment_table";
import { CardLink, MerchantLink, PaymentLink } from "../components/ids";
import { DataTable } from "../components/records/data_table";
import { Timeline } from "../components/timeline";
import type { CardDetail, CardReview, Listed, MerchantOfCard, OtherCard, OtherCards } from "../lib/find/types";
import { date, duration, integer, moment, zoneName } from "../lib/format";
import type { Days } from "../lib/find/period";
import { arrived, useCell, useQuery } from "../lib/state";
import type { Me } from "../lib/types";
import { Panel } from "./live";

interface Props {
  /** The card's reference. */
  card: string;
  /** The payment that a link means, or nothing. */
  id: string;
  me: Me;
}

/** Everything stored about a card, and what else its thief may have touched. */
export function CardPage({ card, id, me }: Props): JSX.Element {
  const touched = useCell(arrived).alerts.find((one) => one.card_ref === card);
  const again = touched ? `${touched.seq} ${touched.decided_at}` : "";
  const path = `cards/${encodeURIComponent(card)}`;
  const { value, problem } = useQuery<CardDetail>(path, again);
  if (!value) return <p class="empty">{problem ?? "Loading the card…"}</p>;
  return (
    <div class="page">
      <header class="subject">
        <h1>
          Card <ExternalText text={value.card_id} />
        </h1>
        <ListsOfSubject query={{ card_ref: card }} me={me} />
      </header>
      <SummaryFigures summary={value.summary} others={{ name: "merchants", value: value.summary.merchants }} />
      <Payments path={`${path}/payments`} id={id} again={again} hasPlace={value.has_place} />
      <Others path={`${path}/others`} again={again} />
      <div class="page-grid">
        <Panel title="Merchants" hint="of its newest payments; with known fraud first">
          <Merchants merchants={value.merchants} />
        </Panel>
        <Panel title="Alerts" hint={value.alerts.length >= 50 ? "the newest 50" : `${value.alerts.length}`}>
          {value.alerts.length ? <AlertList alerts={value.alerts} flood target="case" /> : <p class="empty">No payment of this card was flagged.</p>}
        </Panel>
      </div>
      <Panel title="Reviews" hint={value.reviews.more ? `the newest ${value.reviews.found.length}` : ""}>
        <Reviews reviews={value.reviews.found} card={value.card_ref} />
      </Panel>
    </div>
  );
}

interface PaymentsProps {
  path: string;
  id: string;
  again: unknown;
  hasPlace: boolean;
}

function Payments({ path, id, again, hasPlace }: PaymentsProps): JSX.Element {
  const [days, setDays] = useState<Days>({ from: "", to: "" });
  const history = usePaymentHistory(path, id ? { around: id } : {}, days, again);
  const oldestFirst = [...history.payments].reverse();
  return (
    <>
      <Panel title="Payments" hint="newest first, by their time">
        <div class="days">
          <DayFields days={days} change={setDays} />
        </div>
        {history.payments.length > 0 && <Timeline payments={oldestFirst.slice(-200)} chosen={id} />}
        {history.payments.length > 0 ? (
          <PaymentsTable payments={history.payments} without="card" chosen={id} />
        ) : (
          <p class="empty">{!history.known ? "Loading…" : days.from || days.to ? `No payment of this card is stored in these days (${zoneName()}).` : "No payment of this card is stored any more; its alerts are below."}</p>
        )}
        <LoadMore history={history} />
      </Panel>
      {hasPlace && history.payments.length > 0 && (
        <Panel title="Where the card was used" hint="the newest of these payments">
          <CardMap payments={oldestFirst} chosen={id} />
        </Panel>
      )}
    </>
  );
}

const spans = [1, 6, 24, 72, 168] as const;

/** Cards that paid where the frauds of this one were. */
function Others({ path, again }: { path: string; again: unknown }): JSX.Element {
  const [hours, setHours] = useState<number>(24);
  const { value, problem } = useQuery<OtherCards>(`${path}?hours=${hours}`, again);
  return (
    <Panel
      title="Other cards at the same merchants"
      hint={value ? aroundWhat(value) : ""}
      extra={
        <div class="segments" role="group" aria-label="Hours around each fraud">
          {spans.map((one) => (
            <button key={one} type="button" aria-pressed={one === hours} onClick={() => setHours(one)}>
              {one < 48 ? `${one} h` : `${one / 24} days`}
            </button>
          ))}
        </div>
      }
    >
      {problem && <p class="problem">{problem}</p>}
      {!value ? <p class="empty">Loading…</p> : <OthersTable value={value} />}
    </Panel>
  );
}

function aroundWhat({ around, are_known, hours }: OtherCards): string {
  if (!around) return "";
  const what = are_known ? `${around} known fraud${around === 1 ? "" : "s"}` : `${around} flagged payment${around === 1 ? "" : "s"} without a label`;
  return `within ${hours < 48 ? `${hours} h` : `${hours / 24} days`} of ${what}; those with fraud first`;
}

function OthersTable({ value }: { value: OtherCards }): JSX.Element {
  if (!value.around) return <p class="empty">This card has no known fraud and no flagged payment to look around.</p>;
  if (!value.found.length) return <p class="empty">No other card paid at these merchants within the time.</p>;
  return (
    <DataTable
      columns={["card", { number: "known fraud there" }, { number: "flagged there" }, { number: "payments there" }, "merchants in common", { number: "nearest" }]}
      below={value.more > 0 && <p class="facts">and {integer(value.more)} other cards; take fewer hours to see the nearest.</p>}
    >
    {value.found.map((one) => (
      <tr key={one.card_ref}>
        <td>
          <CardLink card={one} />
        </td>
        <Count value={one.frauds} />
        <Count value={one.flagged} />
        <td class="number">{integer(one.payments)}</td>
        <td>
          <MerchantsInCommon one={one} />
        </td>
        <td class="number">{duration(one.gap_ms)}</td>
      </tr>
    ))}
    </DataTable>
  );
}

/** A count that means risk where it is not 0. */
export function Count({ value }: { value: number }): JSX.Element {
  return <td class={`number ${value ? "risk" : "muted"}`}>{integer(value)}</td>;
}

function MerchantsInCommon({ one }: { one: OtherCard }): JSX.Element {
  return (
    <span class="ids">
      {one.merchants.map((name) => (
        <MerchantLink key={name} id={name} />
      ))}
      {one.merchants_more > 0 && <span class="muted">and {one.merchants_more} more</span>}
    </span>
  );
}

function Merchants({ merchants }: { merchants: Listed<MerchantOfCard> }): JSX.Element {
  if (!merchants.found.length) return <p class="empty">No merchant is known of its payments.</p>;
  return (
    <DataTable
      columns={["merchant", { number: "payments" }, { number: "flagged" }, { number: "known fraud" }, `last, ${zoneName()}`]}
      tall
      below={merchants.more > 0 && <p class="facts">and {integer(merchants.more)} other merchants.</p>}
    >
    {merchants.found.map((one) => (
      <tr key={one.merchant_id}>
        <td>
          <MerchantLink id={one.merchant_id} />
        </td>
        <td class="number">{integer(one.payments)}</td>
        <Count value={one.flagged} />
        <Count value={one.frauds} />
        <td>{date(one.last_at)}</td>
      </tr>
    ))}
    </DataTable>
  );
}

function Reviews({ reviews, card }: { reviews: CardReview[]; card: string }): JSX.Element {
  if (!reviews.length) return <p class="empty">No payment of this card was reviewed.</p>;
  return (
    <DataTable columns={["when", "review", "by", "transaction", "note"]}>
    {reviews.map((one, place) => (
      <tr key={`${one.decided_at} ${place}`}>
        <td>{moment(one.decided_at)}</td>
        <td>
          <span class={`chip ${one.outcome}`}>{one.outcome}</span>
        </td>
        <td>
          <ExternalText text={one.analyst} />
        </td>
        <td>
          <PaymentLink one={{ transaction_id: one.transaction_id, card_ref: card, has_case: true }} />
        </td>
        <td class="text">{one.note && isolated(one.note)}</td>
      </tr>
    ))}
    </DataTable>
  );
}
