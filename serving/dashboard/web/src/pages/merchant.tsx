import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ListsOfSubject } from "../components/decisions/list_actions";
import { ExternalText } from "../components/external_text";
import { AlertList } from "../components/feed";
import { DayFields } from "../components/find/day_fields";
import { SummaryFigures } from "../components/find/figures";
import { LoadMore, usePaymentHistory } from "../components/find/payment_history";
import { PaymentsTable } from "../components/find/payment_table";
import { CardLink, MerchantLink } from "../components/ids";
import { DataTable } from "../components/records/data_table";
import type { MerchantDetail } from "../lib/find/types";
import { decimal, integer, percent, units, zoneName } from "../lib/format";
import type { Days } from "../lib/find/period";
import { arrived, useCell, useQuery } from "../lib/state";
import type { Me } from "../lib/types";
import { Count } from "./card";
import { Panel } from "./live";

/** Everything stored about a merchant, and the merchants with which it has alerted cards in common. */
export function MerchantPage({ id, me }: { id: string; me: Me }): JSX.Element {
  const touched = useCell(arrived).alerts.find((one) => one.merchant_id === id);
  const again = touched ? `${touched.seq} ${touched.decided_at}` : "";
  const query = new URLSearchParams({ merchant_id: id });
  const { value, problem } = useQuery<MerchantDetail>(`merchant?${query}`, again);
  if (!value) return <p class="empty">{problem ?? "Loading the merchant…"}</p>;
  const { summary } = value;
  return (
    <div class="page">
      <header class="subject">
        <h1>
          Merchant <ExternalText text={value.merchant_id} />
        </h1>
        <ListsOfSubject query={{ merchant_id: id }} me={me} />
      </header>
      <SummaryFigures summary={summary} others={{ name: "cards", value: summary.cards }} />
      <Panel title="Merchants with cards in common" hint={`where cards that paid here have alerts; of ${integer(value.in_common.examined_cards)} cards`}>
        <InCommon value={value.in_common} />
      </Panel>
      <div class="page-grid">
        <Panel title="Alerts" hint={alertsHint(value)}>
          {value.alerts.length ? <AlertList alerts={value.alerts} flood target="case" names="card" /> : <p class="empty">No payment at this merchant was flagged.</p>}
        </Panel>
        <Panel title="Profile" hint={value.date ? `of ${value.date}, UTC days` : ""}>
          <Profile value={value} />
        </Panel>
      </div>
      <Payments id={id} again={again} />
    </div>
  );
}

function alertsHint({ alerts, summary }: MerchantDetail): string {
  const shown = summary.alerts > alerts.length ? `the newest ${alerts.length} of ${integer(summary.alerts)}` : integer(summary.alerts);
  return `${shown}; known fraud ${integer(summary.alerts_fraud)}, legitimate ${integer(summary.alerts_legitimate)}`;
}

function Payments({ id, again }: { id: string; again: unknown }): JSX.Element {
  const [days, setDays] = useState<Days>({ from: "", to: "" });
  const history = usePaymentHistory("merchant/payments", { merchant_id: id }, days, again);
  return (
    <Panel title="Payments" hint="newest first, by their time">
      <div class="days">
        <DayFields days={days} change={setDays} />
      </div>
      {history.payments.length > 0 ? (
        <PaymentsTable payments={history.payments} without="merchant" />
      ) : (
        <p class="empty">{!history.known ? "Loading…" : days.from || days.to ? `No payment is stored in these days (${zoneName()}).` : "No payment at this merchant is stored."}</p>
      )}
      <LoadMore history={history} />
    </Panel>
  );
}

function InCommon({ value }: { value: MerchantDetail["in_common"] }): JSX.Element {
  if (!value.found.length) return <p class="empty">No card that paid here has an alert at another merchant.</p>;
  return (
    <DataTable
      columns={["merchant", { number: "cards in common" }, { number: "their alerts there" }, { number: "known fraud" }, "cards"]}
      tall
      below={value.more > 0 && <p class="facts">and {integer(value.more)} other merchants.</p>}
    >
    {value.found.map((one) => (
      <tr key={one.merchant_id}>
        <td>
          <MerchantLink id={one.merchant_id} />
        </td>
        <td class="number">{integer(one.cards)}</td>
        <td class="number">{integer(one.alerts)}</td>
        <Count value={one.frauds} />
        <td>
          <span class="ids">
            {one.shown.map((card) => (
              <CardLink key={card.card_ref} card={card} />
            ))}
            {one.cards > one.shown.length && <span class="muted">and {integer(one.cards - one.shown.length)} more</span>}
          </span>
        </td>
      </tr>
    ))}
    </DataTable>
  );
}

const days = [1, 7, 14, 30];

function Profile({ value: { profile, summary } }: { value: MerchantDetail }): JSX.Element {
  if (!profile) return <p class="empty">There is no profile of this merchant yet; preprocessing makes one each day.</p>;
  const usual = summary.amounts[0];
  const mean = profile["merchant_amount_mean_30d"] ?? null;
  const amount = mean === null ? "–" : usual ? units(mean / 10 ** usual.digits, usual.digits, usual.currency) : `${decimal(mean, 0)} minor units`;
  return (
    <DataTable
      columns={["days", { number: "payments" }, { number: "reported fraud" }]}
      below={<p class="facts">average payment of 30 days: {amount}</p>}
    >
    {days.map((one) => (
      <tr key={one}>
        <td>{one}</td>
        <td class="number">{whole(profile[`merchant_count_${one}d`])}</td>
        <td class="number">{percent(profile[`merchant_fraud_rate_${one}d`] ?? null, 2)}</td>
      </tr>
    ))}
    </DataTable>
  );
}

const whole = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : integer(value));
