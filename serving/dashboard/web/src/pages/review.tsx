import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CaseView } from "../components/case";
import { AlertList, Filters, everything, useFeed, type Filter } from "../components/feed";
import { Foreign } from "../components/external_text";
import { compact, money } from "../lib/format";
import { useKeys } from "../lib/keys";
import { go, isOpen, link, route } from "../lib/route";
import { figures, useCell } from "../lib/state";
import type { Alert, Me } from "../lib/types";

const queue: Filter = { ...everything, order: "risk", state: "open" };

const isNarrow = (filter: Filter): boolean => JSON.stringify({ ...filter, order: queue.order }) !== JSON.stringify(queue);

/** The queue, most money at risk first, beside the case that is open; made for the keyboard. */
export function ReviewPage({ me }: { me: Me }): JSX.Element {
  const { id, card } = useCell(route);
  const [filter, setFilter] = useState(queue);
  const [open, setOpen] = useState(false);
  const { alerts, choices, problem, known, flood } = useFeed(filter, false);
  const review = useCell(figures)?.review;
  const [last, setLast] = useState<Alert | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const at = alerts.findIndex((one) => isOpen(one, { id, card }));

  const move = (by: number): void => {
    const next = alerts[Math.min(Math.max(at + by, 0), alerts.length - 1)];
    if (next) go("review", next);
  };
  const nextOpen = (judged: Alert): void => {
    setLast(judged);
    const place = alerts.findIndex((one) => one.seq === judged.seq);
    const rest = [...alerts.slice(place + 1), ...alerts.slice(0, Math.max(place, 0))];
    const next = rest.find((one) => one.verdict === null && one.is_fraud === null);
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
          <span class="hint">{review ? `${compact(review.open)} open, about € ${compact(review.at_risk)} at risk` : ""}</span>
          <div class="segments" role="group" aria-label="Order">
            {(["risk", "newest"] as const).map((one) => (
              <button key={one} type="button" aria-pressed={filter.order === one} onClick={() => setFilter({ ...filter, order: one })}>
                {one === "risk" ? "money at risk" : "newest"}
              </button>
            ))}
          </div>
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            Filter{isNarrow(filter) ? " •" : ""}
          </button>
        </header>
        {open && <Filters filter={filter} choices={choices} change={setFilter} />}
        {problem && <p class="problem">{problem}</p>}
        <div class="queue-list" ref={list}>
          {alerts.length ? <AlertList alerts={alerts} flood={flood} chosen={{ id, card }} target="review" /> : <p class="empty">{known ? "Nothing is left to review." : "Asking…"}</p>}
        </div>
      </section>
      <div class="review-case">
        {last && !isOpen(last, { id, card }) && <Judged alert={last} />}
        {id ? (
          <>
            <a class="back" href={link("review")}>
              ← queue
            </a>
            <CaseView id={id} card={card} me={me} onJudged={nextOpen} />
          </>
        ) : (
          <Keys />
        )}
      </div>
    </div>
  );
}

function Judged({ alert }: { alert: Alert }): JSX.Element {
  return (
    <p class="toast" role="status">
      <span class={`chip ${alert.verdict}`}>{alert.verdict}</span> {money(alert)} at <Foreign text={alert.merchant_id ?? "?"} />
      {alert.pending ? "; the label waits for Kafka" : ""} · <a href={link("review", alert)}>look again</a>
    </p>
  );
}

function Keys(): JSX.Element {
  const keys: [string, string][] = [
    ["j / k", "next and previous alert"],
    ["f", "fraud"],
    ["l", "legitimate"],
    ["u", "unsure: kept, but no label"],
    ["n", "write a note first; Esc leaves it"],
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
      <p class="facts">A verdict goes to the labels at once; later trainings and the monitor’s recall learn from it.</p>
    </div>
  );
}
