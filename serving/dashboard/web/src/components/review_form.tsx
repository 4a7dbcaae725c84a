import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { post } from "../lib/api";
import { useKnowingly } from "../lib/cases";
import type { ReviewAnswer } from "../lib/case_types";
import { ago, fraudType, moment } from "../lib/format";
import { useKeys } from "../lib/keys";
import { uuid } from "../lib/random";
import { useNow } from "../lib/state";
import type { Alert, Case, Me, Outcome } from "../lib/types";
import { noteReview } from "../lib/undo";
import { ConflictNotice } from "./cases/conflict";
import { ExternalText, isolated } from "./external_text";
import { isWork } from "./feed";

const outcomes: { name: Outcome; key: string; text: string }[] = [
  { name: "fraud", key: "f", text: "Fraud" },
  { name: "legitimate", key: "l", text: "Legitimate" },
  { name: "unsure", key: "u", text: "Unsure" },
];

interface ReviewFormProps {
  found: Case;
  me: Me;
  onReviewed?: (reviewed: Alert[], rest: Alert[]) => void;
}

/** The review of an alert, or of all open ones of its case: its state, and the buttons and keys of an analyst. */
export function ReviewForm({ found, me, onReviewed }: ReviewFormProps): JSX.Element {
  const { busy, problem, repeat, run, dismiss } = useKnowingly();
  const [wanted, setWanted] = useState<Outcome>("fraud");
  const noteBox = useRef<HTMLTextAreaElement>(null);
  const { alert } = found;
  const open = found.case.members.filter(isWork);
  const now = useNow(10_000);
  const may = me.role !== "viewer";

  function submit(outcome: Outcome, reviewed: Alert[]): void {
    if (!may || !reviewed.length) return;
    setWanted(outcome);
    run(async (known) => {
      // The current text of the box: a key may be pressed before the page is rendered again.
      const note = noteBox.current?.value ?? "";
      const request = { id: uuid(), transaction_ids: reviewed.map((one) => one.transaction_id), card_ref: alert.card_ref };
      const answer = await post<ReviewAnswer>("case-reviews", { ...request, outcome, note, known: [...found.case.known, ...known] });
      noteReview(answer);
      if (noteBox.current) noteBox.current.value = "";
      onReviewed?.(answer.alerts, open.filter((one) => !reviewed.some((other) => other.seq === one.seq)));
    });
  }

  useKeys((event) => {
    // A key that is held down must not review the next case too.
    if (event.repeat) return;
    if (event.key === "n") {
      event.preventDefault();
      noteBox.current?.focus();
    }
    const outcome = outcomes.find((one) => one.key === event.key.toLowerCase());
    if (outcome) submit(outcome.name, event.shiftKey ? open : [alert]);
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
                onClick={() => submit(one.name, [alert])}
              >
                {one.text} <kbd>{one.key}</kbd>
              </button>
            ))}
          </div>
          {open.length > 1 && (
            <div class="outcomes of-all">
              <span class="facts">All {open.length} open alerts of the case:</span>
              {outcomes.map((one) => (
                <button key={one.name} type="button" class={`quiet ${one.name}`} disabled={busy} onClick={() => submit(one.name, open)}>
                  {one.text} <kbd>⇧{one.key.toUpperCase()}</kbd>
                </button>
              ))}
            </div>
          )}
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
      <ConflictNotice problem={problem} repeat={repeat} confirm={`Review as ${wanted} all the same`} dismiss={dismiss} />
    </section>
  );
}

function ReviewState({ found, now }: { found: Case; now: number }): JSX.Element | null {
  const { alert, reviews } = found;
  const latest = reviews[0];
  if (!latest && alert.is_fraud === null) return <p class="standing open">Not reviewed.</p>;
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
          {latest.pending ? " · its label is not sent yet" : latest.outcome === "unsure" ? "" : " · label sent"}
        </p>
      )}
      {latest?.note && <blockquote dir="auto">{latest.note}</blockquote>}
      {chargeback && (
        <p>
          <span class={`chip ${alert.is_fraud ? "fraud" : "legitimate"}`}>{alert.is_fraud ? "fraud" : "legitimate"}</span>
          {alert.fraud_type ? `, ${isolated(fraudType(alert.fraud_type))},` : ""} by{" "}
          <ExternalText text={alert.label_source ?? ""} />, {moment(alert.reported_at ?? 0)}
        </p>
      )}
    </div>
  );
}
