import type { JSX } from "preact";
import { date, duration, integer, moment, money, percent, probability, units, zoneName } from "../lib/format";
import type { Alert, Case, Described, Merchant, Payment, Profiles } from "../lib/types";
import { ExternalText, isolated } from "./external_text";
import { MerchantLink, PaymentLink } from "./ids";
import { DataTable } from "./records/data_table";

/** The middle of the card's earlier amounts, to compare the payment with. */
export function usualAmount({ alert, payments }: Case): string {
  const before = payments.filter((one) => one.timestamp < alert.timestamp && one.currency === alert.currency);
  if (!before.length) return `No earlier ${alert.currency} payment is stored.`;
  const amounts = before.map((one) => one.amount).sort((a, b) => a - b);
  const number = before.length === 1 ? `the 1 earlier ${alert.currency} payment` : `${before.length} earlier ${alert.currency} payments`;
  return `Median of ${number}: ${money({ ...alert, amount: median(amounts) })}.`;
}

function median(sorted: number[]): number {
  const [below, above] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0];
  return Math.round((below + above) / 2);
}

type Placed = Payment & { latitude: number; longitude: number };
const isPlaced = (one: Payment): one is Placed => one.latitude !== null && one.longitude !== null;
const [earthRadiusKm, fastestKmh, leastKm] = [6_371, 1_000, 50];

/** How far the payment is from the card's place before it, and how long after; empty where it is near. */
export function travel({ alert, payments }: Case): string {
  const placed = payments.filter(isPlaced);
  const at = placed.findIndex((one) => one.transaction_id === alert.transaction_id);
  const [from, to] = [placed[at - 1], placed[at]];
  if (!from || !to) return "";
  const [km, ms] = [distanceKm(from, to), Math.abs(to.timestamp - from.timestamp)];
  if (km < leastKm) return "";
  const verb = km / (Math.max(ms, 60_000) / 3_600_000) > fastestKmh ? "Impossible travel" : "Travel";
  return `${verb}: ${integer(km)} km from the card’s previous place in ${duration(ms)}.`;
}

function distanceKm(from: Placed, to: Placed): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (one: number, other: number): number => Math.sin(radians(other - one) / 2) ** 2;
  const across = Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * half(from.longitude, to.longitude);
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(half(from.latitude, to.latitude) + across)));
}

const [earlier, rows] = [5, 8];

/** The payment with those before and after it, newest first. */
export function PaymentTable({ found }: { found: Case }): JSX.Element {
  const index = found.payments.findIndex((one) => one.transaction_id === found.alert.transaction_id);
  const position = index < 0 ? found.payments.length : index;
  const first = Math.max(0, Math.min(position - earlier, found.payments.length - rows));
  const latest = found.payments.slice(first, first + rows).reverse();
  const withCountry = found.fields.some((one) => one.name === "country");
  return (
    <DataTable
      columns={[`when, ${zoneName(found.alert.timestamp)}`, { number: "amount" }, "merchant", withCountry && "country", { number: "fraud probability" }, "label", "transaction"]}
    >
    {latest.map((one) => (
      <tr key={one.transaction_id} class={one.transaction_id === found.alert.transaction_id ? "here" : ""}>
        <td>{date(one.timestamp)}</td>
        <td class="number">{money(one)}</td>
        <td>
          <MerchantLink id={one.merchant_id} />
        </td>
        {withCountry && (
          <td>
            <ExternalText text={one.country ?? "–"} />
          </td>
        )}
        <td class="number">{one.score === null ? "–" : probability(one.score)}</td>
        <td>{one.is_fraud === null ? "" : one.is_fraud ? "fraud" : "legitimate"}</td>
        <td>
          <PaymentLink one={{ transaction_id: one.transaction_id, card_ref: found.alert.card_ref, has_case: one.flagged === 1 || one.transaction_id === found.alert.transaction_id }} />
        </td>
      </tr>
    ))}
    </DataTable>
  );
}

/** Every declared field beside those that each payment has. */
export function FieldFacts({ fields }: { fields: Described[] }): JSX.Element {
  return (
    <dl class="figures-list">
      {fields.map((one) => (
        <Fact key={one.name} name={isolated(one.label)} value={one.text ?? "–"} />
      ))}
    </dl>
  );
}

/** What was known of the payment's ids and categories when it was scored. */
export function ProfileFacts({ profiles, alert }: { profiles: Profiles[]; alert: Alert }): JSX.Element {
  return (
    <>
      <p class="facts">
        {alert.profile_moment === null ? "There were no profiles yet when it was scored." : `Paid and reported before ${moment(alert.profile_moment)}.`}
      </p>
      <dl class="figures-list">
        {profiles.map((one) => one.texts.map((text, place) => <Fact key={`${one.label} ${place}`} name={place ? "" : isolated(one.label)} value={text} />))}
      </dl>
    </>
  );
}

export function MerchantFacts({ merchant, alert }: { merchant: Merchant | null; alert: Alert }): JSX.Element {
  if (!merchant) return <p class="empty">The transaction has not arrived yet.</p>;
  const profile = merchant.profile ?? {};
  const mean = profile["merchant_amount_mean_30d"] ?? null;
  const fraudRate = profile["merchant_fraud_rate_30d"] ?? null;
  const count = profile["merchant_count_30d"] ?? null;
  return (
    <dl class="figures-list">
      <Fact name="name" value={<MerchantLink id={merchant.merchant_id} />} />
      <Fact name="reported fraud, 30 days" value={percent(fraudRate, 2)} />
      <Fact name="payments, 30 days" value={count === null ? "–" : integer(count)} />
      <Fact
        name="average payment"
        value={mean === null ? "–" : units(mean / 10 ** alert.digits, alert.digits, alert.currency)}
      />
      <Fact name="alerts stored here" value={`${merchant.alerts}, of them known fraud ${merchant.frauds}`} />
      <Fact name="profile of" value={merchant.date ? `${merchant.date} (UTC day)` : "none yet"} />
    </dl>
  );
}

export function ModelFacts({ alert }: { alert: Alert }): JSX.Element {
  const took = alert.scored_at - alert.timestamp;
  return (
    <dl class="figures-list">
      <Fact name="model" value={`${isolated(alert.model_name)}, version ${isolated(alert.model_version)}`} />
      <Fact name="features" value={alert.definitions === null ? `version ${alert.feature_version}` : `definitions ${isolated(alert.definitions)}`} />
      <Fact name="merchant profile used" value={alert.profile_date ?? "none"} />
      {alert.challenger_score !== null && (
        <Fact
          name={`challenger, version ${isolated(alert.challenger_version ?? "")}`}
          value={`fraud probability ${probability(alert.challenger_score)}`}
        />
      )}
      <Fact name="scored" value={`${moment(alert.scored_at)}, ${duration(Math.max(0, took))} after the payment`} />
      <Fact name="transaction" value={<PaymentLink one={{ ...alert, has_case: true }} />} />
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string | JSX.Element }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {typeof value === "string" ? <ExternalText text={value} /> : value}
      </dd>
    </div>
  );
}
