import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError, post } from "../lib/api";
import { ago, fraudType, moment } from "../lib/format";
import { useKeys } from "../lib/keys";
import { uuid } from "../lib/random";
import { arrived, useNow } from "../lib/state";
import type { Alert, Case, Me, Outcome } from "../lib/types";
import { ExternalText, isolated } from "./external_text";

const outcomes: { name: Outcome; key: string; text: string }[] = [
  { name: "fraud", key: "f", text: "Fraud" },
  { name: "legitimate", key: "l", text: "Legitimate" },
  { name: "unsure", key: "u", text: "Unsure" },
];

interface ReviewFormProps {
  found: Case;
  me: Me;
  onReviewed?: (alert: Alert) => void;
}

/** The review of a case: its state, and the buttons and keys of an analyst. */
export function ReviewForm({ found, me, onReviewed }: ReviewFormProps): JSX.Element {
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
          {latest.pending ? " · its label is not in Kafka yet" : latest.outcome === "unsure" ? "" : " · label sent"}
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
