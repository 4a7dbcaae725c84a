import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { CaseDetail, CaseEvent } from "../../lib/case_types";
import { ago, date, money } from "../../lib/format";
import { useKeys } from "../../lib/keys";
import { go, isOpen, link } from "../../lib/route";
import { useNow } from "../../lib/state";
import type { Alert } from "../../lib/types";
import { ExternalText } from "../external_text";
import { state } from "../feed";
import { MerchantLink } from "../ids";
import { ScoreMark } from "./score_mark";

interface CaseAlertsProps {
  one: CaseDetail;
  alert: Alert;
  target: "review" | "case";
}

/** The alerts of a case, of which one is open; with one alert there is nothing to choose. */
export function CaseAlerts({ one, alert, target }: CaseAlertsProps): JSX.Element | null {
  const chosen = { id: alert.transaction_id, card: alert.card_ref };
  const at = one.members.findIndex((member) => isOpen(member, chosen));
  useKeys((event) => {
    const by = event.key === "J" ? 1 : event.key === "K" ? -1 : 0;
    const next = one.members[Math.min(Math.max(at + by, 0), one.members.length - 1)];
    if (by && next) go(target, next);
  });
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    // Within the list alone: the page stays at its top.
    const row = list.current?.querySelector('[aria-current="true"]')?.closest("li");
    if (list.current && row) list.current.scrollTop = row.offsetTop - row.clientHeight;
  }, [alert.seq]);
  if (one.members.length < 2) return null;
  return (
    <ol class="feed case-alerts" ref={list} aria-label="Alerts of the case">
      {one.members.map((member) => (
        <li key={member.seq}>
          <div class="feed-row">
            <span class={`tag ${state(member).replace(" ", "-")}`} role="img" aria-label={state(member)} />
            <ScoreMark one={member} />
            <span class="feed-main">
              <span class="feed-top">
                <a class="feed-open plain" href={link(target, member)} aria-current={isOpen(member, chosen) ? "true" : undefined}>
                  <strong>{money(member)}</strong>
                </a>{" "}
                <span class="muted">
                  <MerchantLink id={member.merchant_id} otherwise="?" />
                </span>
              </span>
            </span>
            <span class="feed-end">
              <span>{date(member.timestamp)}</span>
            </span>
          </div>
        </li>
      ))}
      {one.members.length < one.alerts && <li class="facts">{`and ${one.alerts - one.members.length} more`}</li>}
    </ol>
  );
}

/** What was done with a case and its alerts, the newest first. */
export function CaseHistory({ one }: { one: CaseDetail }): JSX.Element {
  const now = useNow(10_000);
  if (!one.history.length) return <p class="empty">Nobody has worked on it yet.</p>;
  return (
    <ol class="history">
      {one.history.map((event) => (
        <li key={`${event.at} ${event.what} ${event.transaction_id ?? ""}`}>
          <strong>
            <ExternalText text={event.by} />
          </strong>{" "}
          <Deed event={event} members={one.members} /> <span class="muted">{past(event.at, now)}</span>
          {event.note && <blockquote dir="auto">{event.note}</blockquote>}
        </li>
      ))}
    </ol>
  );
}

function Deed({ event, members }: { event: CaseEvent; members: Alert[] }): JSX.Element {
  if (event.what === "claim") return <>claimed the case</>;
  if (event.what === "release") return <>released the case</>;
  if (event.what === "escalate") return <>escalated the case</>;
  if (event.what === "assign") {
    return (
      <>
        assigned the case to <ExternalText text={event.to ?? ""} />
      </>
    );
  }
  const alert = members.find((one) => one.transaction_id === event.transaction_id);
  return (
    <>
      reviewed {alert ? <a href={link("case", alert)}>{money(alert)}</a> : <ExternalText text={event.transaction_id ?? ""} />} as <span class={`word ${event.what}`}>{event.what}</span>
    </>
  );
}

function past(at: number, now: number): string {
  const age = ago(at, now);
  return age === "now" ? "now" : `${age} ago`;
}
