import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError, post } from "../lib/api";
import { ago, campaign, country, date, decimal, duration, integer, moment, money, percent, score } from "../lib/format";
import { Foreign, isolated } from "./external_text";
import { useKeys } from "../lib/keys";
import { CardMap } from "./card_map";
import { uuid } from "../lib/random";
import { isOpen } from "../lib/route";
import { arrived, useAnswer, useCell, useNow } from "../lib/state";
import { Timeline } from "./timeline";
import type { Alert, Case, Me, Merchant, Reason, VerdictName } from "../lib/types";

const verdicts: { name: VerdictName; key: string; text: string }[] = [
  { name: "fraud", key: "f", text: "Fraud" },
  { name: "legitimate", key: "l", text: "Legitimate" },
  { name: "unsure", key: "u", text: "Unsure" },
];

interface CaseProps {
  id: string;
  card: string;
  me: Me;
  onJudged?: (alert: Alert) => void;
}

/** All that is known of an alert, and the verdict on it. */
export function CaseView({ id, card, me, onJudged }: CaseProps): JSX.Element {
  const news = useCell(arrived);
  const touched = news.alerts.find((one) => isOpen(one, { id, card }));
  const { value, problem } = useAnswer<Case>(`case?${new URLSearchParams({ transaction_id: id, ...(card ? { card_ref: card } : {}) })}`, touched?.decided_at ?? touched?.merchant_id ?? 0);
  if (problem && !value) return <p class="empty">{problem}</p>;
  if (!value) return <p class="empty">Opening…</p>;
  const { alert } = value;
  return (
    <article class="case" aria-label={`Case ${isolated(alert.transaction_id)}`}>
      <Heading alert={alert} />
      <Judge key={`${id} ${card}`} found={value} me={me} {...(onJudged ? { onJudged } : {})} />
      <div class="case-grid">
        <section>
          <h2>Why it was flagged</h2>
          <Reasons alert={alert} />
        </section>
        <section>
          <h2>Where the card was used</h2>
          <CardMap payments={value.payments} chosen={id} />
          {alert.merchant_id !== null && alert.latitude === null && <p class="facts">This payment{alert.channel ? ` (${isolated(alert.channel)})` : ""} has no place.</p>}
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
          <h2>Who decided</h2>
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
            <Foreign text={alert.merchant_id ?? "a merchant not yet known"} />
          </strong>{" "}
          with card{" "}
          <strong>
            <Foreign text={alert.card_id} />
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

interface JudgeProps {
  found: Case;
  me: Me;
  onJudged?: (alert: Alert) => void;
}

function Judge({ found, me, onJudged }: JudgeProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const noteBox = useRef<HTMLTextAreaElement>(null);
  const { alert } = found;
  const now = useNow(10_000);
  const may = me.role !== "viewer";

  async function judge(verdict: VerdictName): Promise<void> {
    if (busy || !may) return;
    setBusy(true);
    setProblem("");
    try {
      // What the box holds now: a key may be pressed before the page has been drawn anew.
      const note = noteBox.current?.value ?? "";
      const judgement = { id: uuid(), transaction_id: alert.transaction_id, card_ref: alert.card_ref, verdict, note };
      const answer = await post<{ delivered: boolean; alert: Alert }>("verdict", judgement);
      arrived.set({ alerts: [answer.alert], more: 0 });
      if (noteBox.current) noteBox.current.value = "";
      onJudged?.(answer.alert);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  useKeys((event) => {
    // A key held down must not judge the next case too.
    if (event.repeat) return;
    if (event.key === "n") {
      event.preventDefault();
      noteBox.current?.focus();
    }
    const wanted = verdicts.find((one) => one.key === event.key);
    if (wanted) void judge(wanted.name);
  });

  return (
    <section class="judge" aria-label="Verdict">
      <Standing found={found} now={now} />
      {may ? (
        <>
          <div class="verdicts">
            {verdicts.map((one) => (
              <button
                key={one.name}
                type="button"
                class={`verdict ${one.name}`}
                aria-pressed={alert.verdict === one.name}
                disabled={busy}
                onClick={() => void judge(one.name)}
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
              placeholder="Note, kept with your verdict (n)"
              onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
            />
          </label>
        </>
      ) : (
        <p class="facts">You may look, but judging takes the role analyst.</p>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

function Standing({ found, now }: { found: Case; now: number }): JSX.Element | null {
  const { alert, verdicts: taken } = found;
  const latest = taken[0];
  if (!latest && alert.is_fraud === null) return <p class="standing open">Nobody has judged this yet.</p>;
  const chargeback = alert.is_fraud !== null && alert.label_source !== "analyst";
  return (
    <div class="standing" aria-live="polite">
      {latest && (
        <p>
          <span class={`chip ${latest.verdict}`}>{latest.verdict}</span> said{" "}
          <strong>
            <Foreign text={latest.analyst} />
          </strong>
          ,{" "}
          {ago(latest.decided_at, now)} {now - latest.decided_at < 2_000 ? "" : "ago"}
          {latest.pending ? " · its label waits for Kafka" : latest.verdict === "unsure" ? "" : " · label sent"}
        </p>
      )}
      {latest?.note && <blockquote dir="auto">{latest.note}</blockquote>}
      {chargeback && (
        <p>
          <span class={`chip ${alert.is_fraud ? "fraud" : "legitimate"}`}>{alert.is_fraud ? "fraud" : "legitimate"}</span>
          {alert.campaign ? `, ${isolated(campaign(alert.campaign))},` : ""} by{" "}
          <Foreign text={alert.label_source ?? ""} />, {date(alert.reported_at ?? 0)}
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
            <Foreign text={inWords(one, alert)} />
          </span>
          <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
            <rect width={(one.contribution / most) * 100} height={3} rx={1} />
          </svg>
        </li>
      ))}
    </ol>
  );
}

/** What the engine can only name, such as the kind of merchant, with its value. */
export function inWords(reason: Reason, alert: Alert): string {
  const values: Record<string, string | null> = { category_code: alert.category, channel_code: alert.channel };
  const value = values[reason.feature];
  return value ? `${reason.text}: ${isolated(value)}` : reason.text;
}

/** What the card paid before, to hold the amount against. */
function usual({ alert, payments }: Case): string {
  const before = payments.filter((one) => one.timestamp < alert.timestamp && one.currency === alert.currency);
  if (!before.length) return `No earlier payment in ${alert.currency} is stored.`;
  const amounts = before.map((one) => one.amount).sort((a, b) => a - b);
  const middle = amounts[amounts.length >> 1] ?? 0;
  return `Half of the ${before.length} earlier ones in ${alert.currency} were below ${money({ ...alert, amount: middle })}.`;
}

const [earlier, rows] = [5, 8];

/** The payment among those right before and after it, newest first. */
function PaymentTable({ found }: { found: Case }): JSX.Element {
  const at = found.payments.findIndex((one) => one.transaction_id === found.alert.transaction_id);
  const place = at < 0 ? found.payments.length : at;
  const first = Math.max(0, Math.min(place - earlier, found.payments.length - rows));
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
            <th>known as</th>
          </tr>
        </thead>
        <tbody>
          {latest.map((one) => (
            <tr key={one.transaction_id} class={one.transaction_id === found.alert.transaction_id ? "here" : ""}>
              <td>{date(one.timestamp)}</td>
              <td class="number">{money(one)}</td>
              <td>
                <Foreign text={one.merchant_id ?? "–"} />
              </td>
              <td>
                <Foreign text={one.country ?? "–"} />
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
        <Foreign text={value} />
      </dd>
    </div>
  );
}
