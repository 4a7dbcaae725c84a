import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CaseView } from "../components/case";
import { AlertList, Filters, everything, useFeed, type Filter } from "../components/feed";
import { FilterCount, NoneMatch, isNarrow, useFilterCounts } from "../components/find/filter_counts";
import { ExternalText } from "../components/external_text";
import { compact, integer, money, sums } from "../lib/format";
import { useKeys } from "../lib/keys";
import { go, isOpen, link, route } from "../lib/route";
import { figures, useCell } from "../lib/state";
import type { Alert, Me } from "../lib/types";

const queue: Filter = { ...everything, order: "risk", state: "open" };

/** The queue, most money at risk first, beside the open case; usable with the keyboard. */
export function ReviewPage({ me }: { me: Me }): JSX.Element {
  const { id, card } = useCell(route);
  const [filter, setFilter] = useState(queue);
  const [open, setOpen] = useState(false);
  const { alerts, choices, problem, known, flood } = useFeed(filter, false);
  const narrow = isNarrow(filter, queue);
  const counts = useFilterCounts(narrow ? filter : everything);
  const review = useCell(figures)?.review;
  const [last, setLast] = useState<Alert | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const at = alerts.findIndex((one) => isOpen(one, { id, card }));

  const move = (by: number): void => {
    const next = alerts[Math.min(Math.max(at + by, 0), alerts.length - 1)];
    if (next) go("review", next);
  };
  const openNext = (reviewed: Alert): void => {
    setLast(reviewed);
    const index = alerts.findIndex((one) => one.seq === reviewed.seq);
    const rest = [...alerts.slice(index + 1), ...alerts.slice(0, Math.max(index, 0))];
    const next = rest.find((one) => one.outcome === null && one.is_fraud === null);
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
  }, [id, card]);

  return (
    <div class={`review ${id ? "with-case" : ""}`}>
      <section class="panel queue" aria-label="Queue">
        <header>
          <h2>To review</h2>
          {counts ? <FilterCount counts={counts} /> : <span class="hint">{review && !narrow ? `${compact(review.open)} not reviewed, ${sums(review.at_risk)} at risk` : ""}</span>}
          <div class="segments" role="group" aria-label="Order">
            {(["risk", "newest"] as const).map((one) => (
              <button key={one} type="button" aria-pressed={filter.order === one} onClick={() => setFilter({ ...filter, order: one })}>
                {one === "risk" ? "money at risk" : "newest"}
              </button>
            ))}
          </div>
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            Filter{narrow ? " •" : ""}
          </button>
        </header>
        {open && <Filters filter={filter} choices={choices} change={setFilter} />}
        {problem && <p class="problem">{problem}</p>}
        <div class="queue-list" ref={list}>
          {alerts.length ? <AlertList alerts={alerts} flood={flood} chosen={{ id, card }} target="review" /> : known && narrow ? <NoneMatch filter={filter} clear={() => setFilter(queue)} others={review ? `Without it ${integer(review.open)} alerts are not reviewed.` : ""} /> : <p class="empty">{known ? "There is nothing to review." : "Loading…"}</p>}
        </div>
      </section>
      <div class="review-case">
        {last && !isOpen(last, { id, card }) && <LastReview alert={last} />}
        {id ? (
          <>
            <a class="back" href={link("review")}>
              ← queue
            </a>
            <CaseView id={id} card={card} me={me} onReviewed={openNext} />
          </>
        ) : (
          <Keys />
        )}
      </div>
    </div>
  );
}

function LastReview({ alert }: { alert: Alert }): JSX.Element {
  return (
    <p class="toast" role="status">
      <span class={`chip ${alert.outcome}`}>{alert.outcome}</span> {money(alert)} at <ExternalText text={alert.merchant_id ?? "?"} />
      {alert.pending ? "; the label is not in Kafka yet" : ""} · <a href={link("review", alert)}>open it again</a>
    </p>
  );
}

function Keys(): JSX.Element {
  const keys: [string, string][] = [
    ["j / k", "next and previous alert"],
    ["f", "fraud"],
    ["l", "legitimate"],
    ["u", "unsure: stored, but not a label"],
    ["n", "write a note first; Esc leaves the field"],
  ];
  return (
    <div class="keys">
      <h2>Choose an alert, or press j</h2>
      <dl>
        {keys.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p class="facts">A review becomes a label at once; training and the monitor use it.</p>
    </div>
  );
}
