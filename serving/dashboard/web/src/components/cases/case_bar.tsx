import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { post } from "../../lib/api";
import { useKnowingly, useViewers, viewersOf } from "../../lib/cases";
import type { CaseActionName, CaseDetail } from "../../lib/case_types";
import { ago, sums } from "../../lib/format";
import { useKeys } from "../../lib/keys";
import { casesChanged, useNow, useQuery } from "../../lib/state";
import type { Alert, Me } from "../../lib/types";
import { ExternalText, isolated } from "../external_text";
import { ConflictNotice } from "./conflict";

interface CaseBarProps {
  one: CaseDetail;
  alert: Alert;
  me: Me;
}

/** Who has a case, and the actions that change that. */
export function CaseBar({ one, alert, me }: CaseBarProps): JSX.Element {
  const { busy, problem, repeat, run, dismiss } = useKnowingly();
  const [escalating, setEscalating] = useState(false);
  const [wanted, setWanted] = useState<CaseActionName>("claim");
  const mine = one.assignee === me.name;
  const may = me.role !== "viewer";

  const act = (action: CaseActionName, part: { to?: string; note?: string } = {}): void => {
    setWanted(action);
    run(async (known) => {
      await post("case-actions", { action, transaction_id: alert.transaction_id, card_ref: alert.card_ref, known, ...part });
      setEscalating(false);
      casesChanged.set([alert.card_ref]);
    });
  };
  useKeys((event) => {
    if (event.repeat || !may || busy) return;
    if (event.key === "c") act(mine ? "release" : "claim");
    else if (event.key === "e") setEscalating(true);
    else return;
    event.preventDefault();
  });

  return (
    <section class="case-bar" aria-label="Case">
      <div class="case-bar-line">
        <CaseStanding one={one} me={me} />
        {may && (
          <div class="buttons">
            {(mine || (me.role === "admin" && one.status === "escalated")) && (
              <button type="button" class="quiet" disabled={busy} onClick={() => act("release")}>
                {mine ? "Release" : "Back to the queue"} {mine && <kbd>c</kbd>}
              </button>
            )}
            {!mine && (
              <button type="button" class="quiet" disabled={busy} onClick={() => act("claim")}>
                Claim <kbd>c</kbd>
              </button>
            )}
            <AssignMenu one={one} me={me} assign={(to) => act("assign", { to })} />
            {one.status !== "escalated" && !escalating && (
              <button type="button" class="quiet" disabled={busy} onClick={() => setEscalating(true)}>
                Escalate <kbd>e</kbd>
              </button>
            )}
          </div>
        )}
      </div>
      {escalating && <EscalateForm busy={busy} escalate={(note) => act("escalate", { note })} cancel={() => setEscalating(false)} />}
      <ConflictNotice problem={problem} repeat={repeat} confirm={confirms[wanted]} dismiss={dismiss} />
    </section>
  );
}

const confirms: Record<CaseActionName, string> = {
  claim: "Take it over",
  assign: "Assign it all the same",
  release: "Release it all the same",
  escalate: "Escalate it all the same",
};

function CaseStanding({ one, me }: { one: CaseDetail; me: Me }): JSX.Element {
  const now = useNow(10_000);
  const others = viewersOf(useViewers(), one, me.name);
  const size = one.alerts === 1 ? "1 alert" : `${one.alerts} alerts`;
  const open = one.open ? `${one.open === one.alerts ? "" : `${one.open} not reviewed, `}${sums(one.at_risk)} at risk` : "all reviewed";
  return (
    <p class="case-standing">
      <span class={`chip case-${one.status}`}>{statusWord(one, me.name)}</span>
      <span>
        Case {one.id}: {size}, {open}
        {one.since !== null && one.status !== "open" && one.status !== "reviewed" && (
          <span class="muted">
            {" · "}
            {one.status === "escalated" ? "by " : "for "}
            {one.status === "escalated" ? <ExternalText text={one.by ?? ""} /> : ago(one.since, now)}
            {one.status === "claimed" && one.by !== one.assignee && (
              <>
                {", assigned by "}
                <ExternalText text={one.by ?? ""} />
              </>
            )}
          </span>
        )}
      </span>
      {others.length > 0 && (
        <span class="case-viewers" role="status">
          {isolated(others.join(", "))} {others.length === 1 ? "has" : "have"} it open
        </span>
      )}
      {one.status === "escalated" && one.note && <q dir="auto">{one.note}</q>}
    </p>
  );
}

function statusWord(one: CaseDetail, me: string): string {
  if (one.status !== "claimed") return one.status === "open" ? "unclaimed" : one.status;
  return one.assignee === me ? "yours" : `claimed by ${isolated(one.assignee ?? "")}`;
}

function AssignMenu({ one, me, assign }: { one: CaseDetail; me: Me; assign: (to: string) => void }): JSX.Element | null {
  const { value } = useQuery<{ names: string[] }>("case-assignees");
  const others = value?.names.filter((name) => name !== one.assignee && name !== me.name) ?? [];
  if (!others.length) return null;
  return (
    <select
      class="assign"
      aria-label="Assign to"
      value=""
      onChange={(event) => {
        const to = event.currentTarget.value;
        event.currentTarget.value = "";
        if (to) assign(to);
      }}
    >
      <option value="">Assign to…</option>
      {others.map((name) => (
        <option key={name} value={name}>
          {isolated(name)}
        </option>
      ))}
    </select>
  );
}

interface EscalateProps {
  busy: boolean;
  escalate: (note: string) => void;
  cancel: () => void;
}

function EscalateForm({ busy, escalate, cancel }: EscalateProps): JSX.Element {
  const box = useRef<HTMLInputElement>(null);
  // Before the next key, which would else be one of the page.
  useLayoutEffect(() => box.current?.focus(), []);
  return (
    <form
      class="action escalate"
      onSubmit={(event) => {
        event.preventDefault();
        escalate(box.current?.value ?? "");
      }}
      onKeyDown={(event) => event.key === "Escape" && cancel()}
    >
      <input ref={box} aria-label="Why an admin should look at it" placeholder="why an admin should look at it" required minLength={3} maxLength={500} />
      <div class="buttons">
        <button type="submit" disabled={busy}>
          Escalate to an admin
        </button>
        <button type="button" class="quiet" onClick={cancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
