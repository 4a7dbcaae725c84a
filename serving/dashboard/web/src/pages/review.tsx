import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CaseView } from "../components/case";
import { CaseList } from "../components/cases/case_list";
import { ReviewToast } from "../components/cases/review_toast";
import { ExportAlerts } from "../components/records/export_link";
import { Filters, everything, filterQuery, type Filter } from "../components/feed";
import { NoneMatch, isNarrow } from "../components/find/filter_counts";
import { KeyTable } from "../components/key_help";
import { useCaseQueue, type Whose } from "../lib/cases";
import type { AlertCase } from "../lib/case_types";
import { compact, integer, sums } from "../lib/format";
import { useKeys } from "../lib/keys";
import { go, isOpen, link, route } from "../lib/route";
import { figures, useCell } from "../lib/state";
import type { Alert, Me } from "../lib/types";

const mostShown = 100;
const queue: Filter = { ...everything, order: "risk", state: "open" };
const whoseNames: [Whose, string][] = [
  ["", "all"],
  ["mine", "mine"],
  ["unclaimed", "unclaimed"],
  ["escalated", "escalated"],
];

/** The queue of cases, most money at risk first, beside the open case; usable with the keyboard. */
export function ReviewPage({ me }: { me: Me }): JSX.Element {
  const { id, card } = useCell(route);
  const [filter, setFilter] = useState(queue);
  const [whose, setWhose] = useState<Whose>("");
  const [open, setOpen] = useState(false);
  const { value, problem } = useCaseQueue({ ...filterQuery(filter), ...(whose && { whose }), limit: mostShown });
  const narrow = isNarrow(filter, queue);
  const waiting = useCell(figures)?.review.open;
  const cases = value?.cases ?? [];
  const [loadedCase, setLoadedCase] = useState("");
  const openCase = cases.find((one) => isOpen(one.main, { id, card }))?.id ?? loadedCase;
  const list = useRef<HTMLDivElement>(null);
  const at = usePosition(cases, id ? openCase : "");

  const move = (by: number): void => {
    const next = cases[Math.min(Math.max(at.index + (at.listed || by < 0 ? by : 0), 0), cases.length - 1)];
    if (next) go("review", next.main);
  };
  const openNext = (_: Alert[], rest: Alert[]): void => {
    const start = Math.max(0, at.index + (at.listed ? 1 : 0));
    const others = [...cases.slice(start), ...cases.slice(0, start)];
    const free = others.find((one) => one.id !== openCase && isForMe(one, me));
    const next = mostAtRisk(rest) ?? free?.main;
    if (next) go("review", next);
  };

  useKeys((event) => {
    if (event.key === "j" || event.key === "ArrowDown") move(1);
    else if (event.key === "k" || event.key === "ArrowUp") move(-1);
    else if (event.key === "Escape") go("review");
    else return;
    event.preventDefault();
  });
  useEffect(() => {
    list.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
  }, [openCase]);

  return (
    <div class={`review ${id ? "with-case" : ""}`}>
      <section class="panel queue" aria-label="Queue">
        <header>
          <h2>To review</h2>
          <span class="hint">{value ? `${number(value.total, "case")}, ${compact(value.open_alerts)} not reviewed, ${sums(value.at_risk)} at risk` : ""}</span>
          <div class="segments" role="group" aria-label="Order">
            {(["risk", "newest"] as const).map((one) => (
              <button key={one} type="button" aria-pressed={filter.order === one} onClick={() => setFilter({ ...filter, order: one })}>
                {one === "risk" ? "money at risk" : "newest"}
              </button>
            ))}
          </div>
          <div class="segments" role="group" aria-label="Whose">
            {whoseNames.map(([one, name]) => (
              <button key={one} type="button" aria-pressed={whose === one} onClick={() => setWhose(one)}>
                {name}
              </button>
            ))}
          </div>
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            Filter{narrow ? " •" : ""}
          </button>
          {me.role !== "viewer" && <ExportAlerts query={filterQuery(filter)} />}
        </header>
        {open && <Filters filter={filter} choices={value ?? { countries: null, fraud_types: [] }} change={setFilter} />}
        {problem && <p class="problem">{problem}</p>}
        <div class="queue-list" ref={list}>
          {cases.length > 0 && <CaseList cases={cases} chosen={id ? openCase : undefined} me={me.name} />}
          {value?.total === 0 && narrow && <NoneMatch filter={filter} clear={() => setFilter(queue)} others={waiting ? `Without it ${integer(waiting)} alerts are not reviewed.` : ""} />}
          {!cases.length && !(value && narrow) && <p class="empty">{value ? nothing[whose] : "Loading…"}</p>}
          {value && value.total > cases.length && <p class="facts">{`The first ${cases.length} of ${compact(value.total)} cases.`}</p>}
        </div>
      </section>
      <div class="review-case">
        <ReviewToast />
        {id ? (
          <>
            <a class="back" href={link("review")}>
              ← queue
            </a>
            <CaseView id={id} card={card} me={me} target="review" onReviewed={openNext} onLoaded={setLoadedCase} />
          </>
        ) : (
          <div class="keys">
            <h2>Choose a case, or press j</h2>
            <KeyTable />
            <p class="facts">A review becomes a label once it can no longer be undone; training and the monitor use it.</p>
          </div>
        )}
      </div>
    </div>
  );
}

const number = (count: number, name: string): string => `${compact(count)} ${name}${count === 1 ? "" : "s"}`;

/** What an empty list means. */
const nothing: Record<Whose, string> = {
  "": "There is nothing to review.",
  mine: "You have no case that is not reviewed.",
  unclaimed: "Every case that is not reviewed is somebody’s.",
  escalated: "No case waits for an admin.",
};

/** Whether somebody who looks for work should open it. */
function isForMe(one: AlertCase, me: Me): boolean {
  if (one.open === 0) return false;
  return one.status === "escalated" ? me.role === "admin" : one.assignee === null || one.assignee === me.name;
}

const mostAtRisk = (alerts: Alert[]): Alert | undefined => [...alerts].sort((a, b) => b.at_risk - a.at_risk)[0];

interface Position {
  index: number;
  listed: boolean;
}

/** The open case's place in the queue, or that where it was before it left the queue. */
function usePosition(cases: AlertCase[], openCase: string): Position {
  const last = useRef(-1);
  const index = cases.findIndex((one) => one.id === openCase);
  if (index >= 0 || openCase === "") last.current = index;
  return { index: Math.max(openCase === "" ? -1 : last.current, -1), listed: index >= 0 || openCase === "" };
}
