import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError, post } from "../lib/api";
import { ago, country, date, decimal, duration, fraudType, integer, moment, money, percent, score } from "../lib/format";
import { ExternalText, isolated } from "./external_text";
import { useKeys } from "../lib/keys";
import { CardMap } from "./card_map";
import { uuid } from "../lib/random";
import { isOpen } from "../lib/route";
import { arrived, useQuery, useCell, useNow } from "../lib/state";
import { Timeline } from "./timeline";
import type { Alert, Case, Me, Merchant, Reason, Outcome } from "../lib/types";

const outcomes: { name: Outcome; key: string; text: string }[] = [
  { name: "fraud", key: "f", text: "Fraud" },
  { name: "legitimate", key: "l", text: "Legitimate" },
  { name: "unsure", key: "u", text: "Unsure" },
];

interface CaseProps {
  id: string;
  card: string;
  me: Me;
  onReviewed?: (alert: Alert) => void;
}

/** Everything stored about an alert, and the form to review it. */
export function CaseView({ id, card, me, onReviewed }: CaseProps): JSX.Element {
  const news = useCell(arrived);
  const touched = news.alerts.find((one) => isOpen(one, { id, card }));
  const { value, problem } = useQuery<Case>(`case?${new URLSearchParams({ transaction_id: id, ...(card ? { card_ref: card } : {}) })}`, touched?.decided_at ?? touched?.merchant_id ?? 0);
  if (problem && !value) return <p class="empty">{problem}</p>;
  if (!value) return <p class="empty">Opening…</p>;
  const { alert } = value;
  return (
    <article class="case" aria-label={`Case ${isolated(alert.transaction_id)}`}>
      <Heading alert={alert} />
      <ReviewForm key={`${id} ${card}`} found={value} me={me} {...(onReviewed ? { onReviewed } : {})} />
      <div class="case-grid">
        <section>
          <h2>Why it was flagged</h2>
          <Reasons alert={alert} />
        </section>
        <section>
          <h2>Where the card was used</h2>
          <CardMap payments={value.payments} chosen={id} />
          {alert.merchant_id !== null && alert.latitude === null && <p class="facts">This payment{alert.channel ? ` (${isolated(alert.channel)})` : ""} has no coordinates.</p>}
        </section>
        <section class="wide">
          <h2>The card’s payments</h2>
          <p class="facts">{usual(value)}</p>
          <Timeline payments={value.payments} chosen={id} />
          <PaymentTable found={value} />
        </section>
        <section>
          <h2>The merchant</h2>
          <MerchantFacts merchant={value.merchant} alert={alert} />
        </section>
        <section>
          <h2>Scored by</h2>
          <ModelFacts alert={alert} />
        </section>
      </div>
    </article>
  );
}

function Heading({ alert }: { alert: Alert }): JSX.Element {
  const facts = [...[alert.category, alert.channel, country(alert.country)].map((one) => one && isolated(one)), moment(alert.timestamp)];
  return (
    <header class="case-head">
      <div>
        <p class="amount">{money(alert)}</p>
        <p class="where">
          at{" "}
          <strong>
            <ExternalText text={alert.merchant_id ?? "a merchant not yet known"} />
          </strong>{" "}
          with card{" "}
          <strong>
            <ExternalText text={alert.card_id} />
          </strong>
        </p>
        <p class="facts">{facts.filter(Boolean).join(" · ")}</p>
      </div>
      <div class="case-score">
        <p>
          <span class="of">about </span>
          <span class="big">{score(alert.score)}</span>
          <span class="of"> of 100</span>
        </p>
        <ScoreBar score={alert.score} threshold={alert.threshold} />
        <p class="facts">such payments are fraud</p>
        <p class="facts">flagged from {score(alert.threshold)}</p>
      </div>
    </header>
  );
}

export function ScoreBar({ score: value, threshold }: { score: number; threshold: number }): JSX.Element {
  return (
    <svg class="score-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width={100} height={6} rx={1} />
      <rect class="risk" width={value * 100} height={6} rx={1} />
      <rect class="notch" x={threshold * 100 - 0.4} width={0.8} height={6} />
    </svg>
  );
}

interface ReviewFormProps {
  found: Case;
  me: Me;
  onReviewed?: (alert: Alert) => void;
}

function ReviewForm({ found, me, onReviewed }: ReviewFormProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const noteBox = useRef<HTMLTextAreaElement>(null);
  const { alert } = found;
  const now = useNow(10_000);
  const may = me.role !== "viewer";

  async function submit(outcome: Outcome): Promise<void> {
    if (busy || !may) return;
    setBusy(true);
    setProblem("");
    try {
      // The current text of the box: a key may be pressed before the page is rendered again.
      const note = noteBox.current?.value ?? "";
      const request = { id: uuid(), transaction_id: alert.transaction_id, card_ref: alert.card_ref, outcome, note };
      const answer = await post<{ delivered: boolean; alert: Alert }>("reviews", request);
      arrived.set({ alerts: [answer.alert], more: 0 });
      if (noteBox.current) noteBox.current.value = "";
      onReviewed?.(answer.alert);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  useKeys((event) => {
    // A key that is held down must not review the next case too.
    if (event.repeat) return;
    if (event.key === "n") {
      event.preventDefault();
      noteBox.current?.focus();
    }
    const wanted = outcomes.find((one) => one.key === event.key);
    if (wanted) void submit(wanted.name);
  });

  return (
    <section class="review-form" aria-label="Review">
      <ReviewState found={found} now={now} />
      {may ? (
        <>
          <div class="outcomes">
            {outcomes.map((one) => (
              <button
                key={one.name}
                type="button"
                class={`outcome ${one.name}`}
                aria-pressed={alert.outcome === one.name}
                disabled={busy}
                onClick={() => void submit(one.name)}
              >
                {one.text} <kbd>{one.key}</kbd>
              </button>
            ))}
          </div>
          <label class="note">
            <span class="sr">Note</span>
            <textarea
              ref={noteBox}
              rows={1}
              maxLength={2000}
              placeholder="Note, stored with your review (n)"
              onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
            />
          </label>
        </>
      ) : (
        <p class="facts">You can read this case; to review it you need the role analyst.</p>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

function ReviewState({ found, now }: { found: Case; now: number }): JSX.Element | null {
  const { alert, reviews } = found;
  const latest = reviews[0];
  if (!latest && alert.is_fraud === null) return <p class="standing open">Not reviewed yet.</p>;
  const chargeback = alert.is_fraud !== null && alert.label_source !== "analyst";
  return (
    <div class="standing" aria-live="polite">
      {latest && (
        <p>
          <span class={`chip ${latest.outcome}`}>{latest.outcome}</span> by{" "}
          <strong>
            <ExternalText text={latest.analyst} />
          </strong>
          ,{" "}
          {ago(latest.decided_at, now)} {now - latest.decided_at < 2_000 ? "" : "ago"}
          {latest.pending ? " · its label is not in Kafka yet" : latest.outcome === "unsure" ? "" : " · label sent"}
        </p>
      )}
      {latest?.note && <blockquote dir="auto">{latest.note}</blockquote>}
      {chargeback && (
        <p>
          <span class={`chip ${alert.is_fraud ? "fraud" : "legitimate"}`}>{alert.is_fraud ? "fraud" : "legitimate"}</span>
          {alert.fraud_type ? `, ${isolated(fraudType(alert.fraud_type))},` : ""} by{" "}
          <ExternalText text={alert.label_source ?? ""} />, {date(alert.reported_at ?? 0)}
        </p>
      )}
    </div>
  );
}

function Reasons({ alert }: { alert: Alert }): JSX.Element {
  if (!alert.reasons.length) return <p class="empty">The model gave no reasons.</p>;
  const most = Math.max(...alert.reasons.map((one) => one.contribution));
  return (
    <ol class="reasons">
      {alert.reasons.map((one) => (
        <li key={one.feature}>
          <span>
            <ExternalText text={reasonText(one, alert)} />
          </span>
          <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
            <rect width={(one.contribution / most) * 100} height={3} rx={1} />
          </svg>
        </li>
      ))}
    </ol>
  );
}

/** A reason, with the value of the category or channel that the engine only names. */
export function reasonText(reason: Reason, alert: Alert): string {
  const values: Record<string, string | null> = { category_code: alert.category, channel_code: alert.channel };
  const value = values[reason.feature];
  return value ? `${reason.text}: ${isolated(value)}` : reason.text;
}

/** The usual amounts of the card, to compare the payment with. */
function usual({ alert, payments }: Case): string {
  const before = payments.filter((one) => one.timestamp < alert.timestamp && one.currency === alert.currency);
  if (!before.length) return `No earlier payment in ${alert.currency} is stored.`;
  const amounts = before.map((one) => one.amount).sort((a, b) => a - b);
  const middle = amounts[amounts.length >> 1] ?? 0;
  return `Half of the ${before.length} earlier payments in ${alert.currency} were below ${money({ ...alert, amount: middle })}.`;
}

const [earlier, rows] = [5, 8];

/** The payment with those before and after it, newest first. */
function PaymentTable({ found }: { found: Case }): JSX.Element {
  const index = found.payments.findIndex((one) => one.transaction_id === found.alert.transaction_id);
  const position = index < 0 ? found.payments.length : index;
  const first = Math.max(0, Math.min(position - earlier, found.payments.length - rows));
  const latest = found.payments.slice(first, first + rows).reverse();
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>when</th>
            <th class="number">amount</th>
            <th>merchant</th>
            <th>country</th>
            <th class="number">score</th>
            <th>label</th>
          </tr>
        </thead>
        <tbody>
          {latest.map((one) => (
            <tr key={one.transaction_id} class={one.transaction_id === found.alert.transaction_id ? "here" : ""}>
              <td>{date(one.timestamp)}</td>
              <td class="number">{money(one)}</td>
              <td>
                <ExternalText text={one.merchant_id ?? "–"} />
              </td>
              <td>
                <ExternalText text={one.country ?? "–"} />
              </td>
              <td class="number">{one.score === null ? "–" : score(one.score)}</td>
              <td>{one.is_fraud === null ? "" : one.is_fraud ? "fraud" : "legitimate"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function MerchantFacts({ merchant, alert }: { merchant: Merchant | null; alert: Alert }): JSX.Element {
  if (!merchant) return <p class="empty">The transaction has not arrived yet.</p>;
  const profile = merchant.profile ?? {};
  const mean = profile["merchant_amount_mean_30d"] ?? null;
  const fraudRate = profile["merchant_fraud_rate_30d"] ?? null;
  const count = profile["merchant_count_30d"] ?? null;
  return (
    <dl class="figures-list">
      <Fact name="name" value={merchant.merchant_id} />
      <Fact name="reported fraud, 30 days" value={percent(fraudRate, 2)} />
      <Fact name="payments, 30 days" value={count === null ? "–" : integer(count)} />
      <Fact
        name="average payment"
        value={mean === null ? "–" : `${decimal(mean / 10 ** alert.digits, alert.digits)} ${alert.currency}`}
      />
      <Fact name="alerts stored here" value={`${merchant.alerts}, of them known fraud ${merchant.frauds}`} />
      <Fact name="profile of" value={merchant.date ?? "none yet"} />
    </dl>
  );
}

function ModelFacts({ alert }: { alert: Alert }): JSX.Element {
  const took = alert.scored_at - alert.timestamp;
  return (
    <dl class="figures-list">
      <Fact name="model" value={`${isolated(alert.model_name)}, version ${isolated(alert.model_version)}`} />
      <Fact name="features" value={`version ${alert.feature_version}`} />
      <Fact name="merchant profile used" value={alert.profile_date ?? "none"} />
      {alert.challenger_score !== null && (
        <Fact
          name={`challenger, version ${isolated(alert.challenger_version ?? "")}`}
          value={`would have scored ${score(alert.challenger_score)}`}
        />
      )}
      <Fact name="scored" value={`${moment(alert.scored_at)}, ${duration(Math.max(0, took))} after the payment`} />
      <Fact name="transaction" value={alert.transaction_id} />
    </dl>
  );
}

export function Fact({ name, value }: { name: string; value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <ExternalText text={value} />
      </dd>
    </div>
  );
}
