import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { ExternalText } from "../components/external_text";
import { DayFields } from "../components/find/day_fields";
import { counted } from "../components/find/figures";
import { PaymentsTable } from "../components/find/payment_table";
import { CardLink, MerchantLink } from "../components/ids";
import { DataTable } from "../components/records/data_table";
import type { CardId, SearchAnswer } from "../lib/find/types";
import { date, integer, zoneName } from "../lib/format";
import { link, linkToCard, linkToMerchant } from "../lib/route";
import { isEmpty, nothing, useSearch, wanted, type Wanted } from "../lib/find/search";
import { useCell } from "../lib/state";
import { Panel } from "./live";

/** Cards, merchants and transactions whose id has a text, or the payments of a period. */
export function SearchPage(): JSX.Element {
  const now = useCell(wanted);
  const { value, problem } = useSearch();
  return (
    <div class="page">
      <Panel title="Search" hint="by card, merchant or transaction: a whole id or a part of it">
        <SearchForm now={now} found={value} />
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <p class="facts" role="status">
          {isEmpty(now) ? "Write a part of an id, or choose days to see their payments." : value ? summary(value, now) : problem ? "" : "Searching…"}
        </p>
        {value && count(value) === 0 && <NoMatch now={now} answer={value} />}
      </Panel>
      {value && <Results answer={value} />}
    </div>
  );
}

function SearchForm({ now, found }: { now: Wanted; found: SearchAnswer | null }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const openOnlyMatch = (event: Event): void => {
    event.preventDefault();
    const only = found && onlyMatch(found);
    if (only) location.hash = only;
  };
  return (
    <form class="search-form" aria-label="Search" onSubmit={openOnlyMatch}>
      <label class="grow">
        <span>card, merchant or transaction</span>
        <input id="search-text" ref={field} type="search" maxLength={64} value={now.text} onInput={(event) => wanted.set({ ...wanted.value, text: event.currentTarget.value })} />
      </label>
      <DayFields days={now} change={(days) => wanted.set({ ...wanted.value, ...days })} />
      {!isEmpty(now) && (
        <button type="button" class="quiet" onClick={() => wanted.set(nothing)}>
          Clear
        </button>
      )}
    </form>
  );
}

const count = ({ cards, merchants, transactions }: SearchAnswer): number => cards.found.length + merchants.found.length + transactions.found.length;

/** The address of the only match, which Enter opens. */
function onlyMatch(answer: SearchAnswer): string | null {
  if (count(answer) !== 1) return null;
  const [card, merchant, payment] = [answer.cards.found[0], answer.merchants.found[0], answer.transactions.found[0]];
  if (card) return linkToCard(card.card_ref);
  if (merchant) return linkToMerchant(merchant.merchant_id);
  return payment ? (payment.has_case ? link("case", payment) : linkToCard(payment.card_ref, payment.transaction_id)) : null;
}

function summary(answer: SearchAnswer, now: Wanted): string {
  if (count(answer) === 0) return "No match.";
  const part = (found: { found: unknown[]; more: boolean }, name: string): string =>
    found.found.length ? `${found.more ? "more than " : ""}${integer(found.found.length)} ${name}${found.found.length === 1 ? "" : "s"}` : "";
  const { cards, merchants, transactions } = answer;
  const parts = [part(cards, "card"), part(merchants, "merchant"), part(transactions, now.text.trim() ? "transaction" : "payment")];
  return `Found: ${parts.filter(Boolean).join(", ")}${periodText(now)}.`;
}

function periodText({ from, to }: Wanted): string {
  const days = from && to ? ` from ${from} to ${to}` : from ? ` from ${from} on` : to ? ` up to ${to}` : "";
  return days && `${days} (${zoneName()})`;
}

/** What was searched, so that nobody takes an empty answer for more than it is. */
function NoMatch({ now, answer }: { now: Wanted; answer: SearchAnswer }): JSX.Element {
  const { since, until, cards, merchants } = answer.searched;
  return (
    <div class="no-match">
      <p>
        No {now.text.trim() ? "card, merchant or transaction has " : "payment is stored"}
        {now.text.trim() && (
          <strong>
            <ExternalText text={now.text.trim()} />
          </strong>
        )}
        {now.text.trim() ? " in its id" : ""}
        {periodText(now)}.
      </p>
      <p class="facts">
        {since === null || until === null
          ? "No payment is stored yet."
          : `Searched: ${counted(cards)} ${cards === 1 ? "card" : "cards"}, ${counted(merchants)} ${merchants === 1 ? "merchant" : "merchants"} and their payments from ${date(since)} to ${date(until)} ${zoneName(until)}. Older ones were removed to make room, or never read.`}
      </p>
      {(now.from || now.to) && now.text.trim() && (
        <button type="button" class="quiet" onClick={() => wanted.set({ ...now, from: "", to: "" })}>
          Search all days
        </button>
      )}
    </div>
  );
}

function Results({ answer: { cards, merchants, transactions } }: { answer: SearchAnswer }): JSX.Element {
  return (
    <>
      {cards.found.length > 0 && (
        <Panel title="Cards" hint={more(cards)}>
          <Ids name="card" rows={cards.found.map((one) => ({ ...one, key: one.card_ref, id: <CardLink card={one as CardId} /> }))} />
        </Panel>
      )}
      {merchants.found.length > 0 && (
        <Panel title="Merchants" hint={more(merchants)}>
          <Ids name="merchant" rows={merchants.found.map((one) => ({ ...one, key: one.merchant_id, id: <MerchantLink id={one.merchant_id} /> }))} />
        </Panel>
      )}
      {transactions.found.length > 0 && (
        <Panel title="Transactions" hint={more(transactions)}>
          <PaymentsTable payments={transactions.found} />
        </Panel>
      )}
    </>
  );
}

const more = ({ found, more: others }: { found: unknown[]; more: boolean }): string => (others ? `the first ${found.length}; write more of the id` : "");

interface IdRow {
  key: string;
  id: ComponentChildren;
  payments: number;
  alerts: number;
}

function Ids({ name, rows }: { name: string; rows: IdRow[] }): JSX.Element {
  return (
    <DataTable columns={[name, { number: "payments stored" }, { number: "alerts" }]}>
    {rows.map((one) => (
      <tr key={one.key}>
        <td>{one.id}</td>
        <td class="number">{counted(one.payments)}</td>
        <td class="number">{counted(one.alerts)}</td>
      </tr>
    ))}
    </DataTable>
  );
}
