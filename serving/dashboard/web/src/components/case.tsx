import type { JSX } from "preact";
import { country, moment, money, probability } from "../lib/format";
import { useEffect, useRef } from "preact/hooks";
import { useCardTurns, useOpenHere } from "../lib/cases";
import { useQuery } from "../lib/state";
import type { Alert, Case, Described, Me } from "../lib/types";
import { CardMap } from "./card_map";
import { CaseAlerts, CaseHistory } from "./cases/case_alerts";
import { CaseBar } from "./cases/case_bar";
import { FieldFacts, MerchantFacts, ModelFacts, PaymentTable, ProfileFacts, travel, usualAmount } from "./case_facts";
import { DecidedBy, DecisionChip } from "./decisions/decision";
import { ExternalText, isolated } from "./external_text";
import { CardLink, MerchantLink } from "./ids";
import { FeatureTable } from "./records/features";
import { ListsOfCase } from "./decisions/list_actions";
import { ReviewForm } from "./review_form";
import { ScoreBar } from "./score";
import { Timeline } from "./timeline";

/** Values of categories. */
const mostInHeading = 4;

interface CaseProps {
  id: string;
  card: string;
  me: Me;
  /** The page on which the alerts of the case are opened. */
  target: "review" | "case";
  /** What to do after a review: of these alerts, which leaves these of the case open. */
  onReviewed?: (reviewed: Alert[], rest: Alert[]) => void;
  onLoaded?: (caseId: string) => void;
}

/** Everything stored about an alert, and the form to review it. */
export function CaseView({ id, card, me, target, onReviewed, onLoaded }: CaseProps): JSX.Element {
  const query = new URLSearchParams({ transaction_id: id, ...(card ? { card_ref: card } : {}) });
  const { value, problem } = useQuery<Case>(`case?${query}`, useCardTurns(id, card));
  const article = useRef<HTMLElement>(null);
  const opened = value ? value.alert.seq : null;
  useOpenHere(value && value.alert, me.role !== "viewer");
  useEffect(() => {
    if (opened === null) return;
    // Opened at its top, where a screen reader goes on reading; a field that is typed in keeps the focus.
    window.scrollTo(0, 0);
    if (!document.activeElement?.closest("input, select, textarea")) article.current?.focus({ preventScroll: true });
  }, [opened]);
  useEffect(() => {
    if (value) onLoaded?.(value.case.id);
  }, [value?.case.id]);
  if (problem && !value) return <p class="empty">{problem}</p>;
  if (!value) return <p class="empty">Opening…</p>;
  const { alert } = value;
  return (
    <article class="case" ref={article} tabIndex={-1} aria-label={`Case ${isolated(alert.transaction_id)}`}>
      <CaseBar one={value.case} alert={alert} me={me} />
      <CaseAlerts one={value.case} alert={alert} target={target} />
      <Heading alert={alert} fields={value.fields} />
      <ReviewForm key={`${id} ${card}`} found={value} me={me} {...(onReviewed ? { onReviewed } : {})} />
      <div class="case-grid">
        <section>
          <h2>How it was decided</h2>
          <DecidedBy alert={alert} reasons={value.decision_reasons} />
        </section>
        <section>
          <h2>History of the case</h2>
          <CaseHistory one={value.case} />
        </section>
        <section>
          <h2>Lists</h2>
          <ListsOfCase alert={alert} me={me} />
        </section>
        <section>
          <h2>What raised the fraud probability</h2>
          <Reasons alert={alert} />
        </section>
        {value.has_place && (
          <section>
            <h2>Where the card was used</h2>
            <CardMap payments={value.payments} chosen={id} />
            <p class="facts">{travel(value)}</p>
            {alert.merchant_id !== null && alert.latitude === null && <p class="facts">This payment has no coordinates.</p>}
          </section>
        )}
        <section class="wide">
          <h2>The card’s payments</h2>
          <p class="facts">{usualAmount(value)}</p>
          <Timeline payments={value.payments} chosen={id} />
          <PaymentTable found={value} />
        </section>
        <section class="wide">
          <h2>All features</h2>
          <FeatureTable features={value.features} />
        </section>
        {value.fields.length > 0 && (
          <section>
            <h2>The payment’s fields</h2>
            <FieldFacts fields={value.fields} />
          </section>
        )}
        {value.profiles.length > 0 && (
          <section>
            <h2>Known of its fields</h2>
            <ProfileFacts profiles={value.profiles} alert={alert} />
          </section>
        )}
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

function Heading({ alert, fields }: { alert: Alert; fields: Described[] }): JSX.Element {
  const categories = fields.filter((one) => one.type === "category" && one.text !== null).slice(0, mostInHeading);
  const facts = [...categories.map((one) => isolated(one.name === "country" ? country(one.text) : one.text ?? "")), moment(alert.timestamp)];
  return (
    <header class="case-head">
      <div>
        <p class="amount">
          {money(alert)} <DecisionChip one={alert} />
        </p>
        <p class="where">
          at{" "}
          <strong>
            <MerchantLink id={alert.merchant_id} otherwise="a merchant not yet known" />
          </strong>{" "}
          with card{" "}
          <strong>
            <CardLink card={alert} />
          </strong>
        </p>
        <p class="facts">{facts.filter(Boolean).join(" · ")}</p>
      </div>
      <div class="case-score">
        <p class="of">fraud probability</p>
        <p class="big">{probability(alert.score)}</p>
        <ScoreBar score={alert.score} threshold={alert.threshold} />
        <p class="facts">alert threshold {probability(alert.threshold)}</p>
      </div>
    </header>
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
            <ExternalText text={one.text} />
          </span>
          <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
            <rect width={(one.contribution / most) * 100} height={3} rx={1} />
          </svg>
        </li>
      ))}
    </ol>
  );
}
