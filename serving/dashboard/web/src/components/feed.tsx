import { Component, type JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, post } from "../lib/api";
import { decisionWord, shortCause } from "./decisions/decision";
import { DayFields } from "./find/day_fields";
import { CardLink, MerchantLink } from "./ids";
import { ScoreBar } from "./score";
import { ExternalText, isolated } from "./external_text";
import { ago, country, fraudType, money, probability } from "../lib/format";
import { periodOf } from "../lib/find/period";
import { isOpen, link, type Route } from "../lib/route";
import { arrived, missed, useCell, useNow } from "../lib/state";
import type { Alert } from "../lib/types";

const mostShown = 100;
const mostCounted = 10_000;
/** Milliseconds between two drawings of the list: of a few alerts, and of more than anyone can read. */
const [brisk, calm] = [120, 400];
/** Alerts of one update: above the first number they are not highlighted, above the second they are a flood. */
const [few, many] = [3, 10];

export interface Filter {
  order: "newest" | "risk";
  state: "all" | "open" | "reviewed" | "history";
  shown: "" | "challenge" | "review" | "decline" | "sample";
  least_score: string;
  least_amount: string;
  country: string;
  fraud_type: string;
  text: string;
  /** The first and the last day of the payments, in the chosen zone; empty does not restrict. */
  from: string;
  to: string;
}

/** The options of the filters. */
interface Choices {
  /** Null where payments have no country. */
  countries: string[] | null;
  fraud_types: string[];
}

export const everything: Filter = { order: "newest", state: "all", shown: "", least_score: "", least_amount: "", country: "", fraud_type: "", text: "", from: "", to: "" };

/** A filter as the server reads it. */
export function filterQuery({ from, to, least_score, ...filter }: Filter): Record<string, string | number> {
  const asked = { ...filter, ...periodOf({ from, to }), least_score: least_score ? Number(least_score) / 100 : "" };
  return Object.fromEntries(Object.entries(asked).filter((one): one is [string, string | number] => one[1] !== null && one[1] !== ""));
}

/** Asks for alerts: in a body where a text is looked for, since it may be a card's number, which no address may have. */
function askAlerts<T>(query: Record<string, string | number>): Promise<T> {
  return "text" in query ? post<T>("alerts/search", query) : get<T>("alerts", query);
}

interface Feed {
  alerts: Alert[];
  choices: Choices;
  waiting: number;
  problem: string;
  /** Whether the server has answered; before that an empty list has no meaning. */
  known: boolean;
  /** Whether more arrive than anyone can read. */
  flood: boolean;
}

/** The alerts that pass a filter, kept up to date; while paused, new ones are only counted. */
export function useFeed(filter: Filter, paused: boolean): Feed {
  const [alerts, setAlerts] = useState<Alert[]>([]);
  const [choices, setChoices] = useState<Choices>({ countries: null, fraud_types: [] });
  const [waiting, setWaiting] = useState(0);
  const [problem, setProblem] = useState("");
  const [known, setKnown] = useState(false);
  const [flood, setFlood] = useState(false);
  const gaps = useCell(missed);
  const key = JSON.stringify(filter);
  const held = useRef<Alert[]>([]);
  const unseen = useRef(new Set<number>());
  const unsent = useRef(0);
  const meanwhile = useRef<Alert[]>([]);
  const shownNow = useRef(alerts);
  shownNow.current = alerts;

  useEffect(() => {
    if (paused) return;
    let wanted = true;
    held.current = [];
    meanwhile.current = [];
    unseen.current.clear();
    unsent.current = 0;
    setWaiting(0);
    askAlerts<{ alerts: Alert[] } & Choices>({ ...filterQuery(filter), limit: mostShown }).then(
      (answer) => {
        if (!wanted) return;
        // Alerts that arrived meanwhile may be missing in the answer.
        setAlerts(merge(answer.alerts, meanwhile.current, filter));
        setChoices(answer);
        setProblem("");
        setKnown(true);
      },
      (error: Error) => wanted && setProblem(error.message),
    );
    return () => {
      wanted = false;
    };
  }, [key, gaps, paused]);

  useEffect(() => {
    // The first alert after a pause is shown at once; those right after it are one update of the list.
    let timer: ReturnType<typeof setTimeout> | undefined;
    let due = 0;
    const enter = () => {
      timer = undefined;
      const news = held.current;
      held.current = [];
      due = performance.now() + (news.length > many ? calm : brisk);
      setFlood(news.length > few);
      setAlerts((shown) => merge(shown, news, filter));
    };
    const leave = arrived.subscribe(({ alerts: news, more }) => {
      if (paused) {
        setAlerts((shown) => merge(shown, news.filter((one) => shown.some((old) => old.seq === one.seq)), filter));
        const fresh = news.filter((one) => passes(one, filter) && !shownNow.current.some((old) => old.seq === one.seq));
        for (const one of fresh) if (unseen.current.size < mostCounted) unseen.current.add(one.seq);
        unsent.current += more;
        setWaiting(unseen.current.size + unsent.current);
        return;
      }
      held.current.push(...news);
      meanwhile.current = [...meanwhile.current, ...news].slice(-mostShown);
      const wait = due - performance.now();
      if (wait <= 0 && timer === undefined) enter();
      else timer ??= setTimeout(enter, wait);
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [key, paused]);

  return { alerts, choices, waiting, problem, known, flood };
}

function merge(shown: Alert[], news: Alert[], filter: Filter): Alert[] {
  if (!news.length) return shown;
  const bySeq = new Map(shown.map((one) => [one.seq, one]));
  for (const one of news) {
    // An alert that is open for review keeps its position until the list is loaded again.
    if (bySeq.has(one.seq) || passes(one, filter)) bySeq.set(one.seq, one);
  }
  const all = [...bySeq.values()];
  all.sort(filter.order === "risk" ? (a, b) => Number(forAnalysts(b)) - Number(forAnalysts(a)) || b.at_risk - a.at_risk || b.seq - a.seq : (a, b) => b.seq - a.seq);
  return all.slice(0, mostShown);
}

/** Whether it is work for analysts; a payment that was declined or challenged has no money at risk any more. */
const forAnalysts = (one: Alert): boolean => (one.decision === "review" || one.is_sample) && !one.is_history;

function hasOutcome(one: Alert, filter: Filter): boolean {
  if (filter.shown === "") return filter.state !== "open" || forAnalysts(one);
  return filter.shown === "sample" ? one.is_sample : one.decision === filter.shown && !one.is_sample;
}

function inState(one: Alert, { state }: Filter): boolean {
  const reviewed = one.outcome !== null || one.is_fraud !== null;
  if (state === "history") return one.is_history;
  return state === "all" || (reviewed ? state === "reviewed" : state === "open" && !one.is_history);
}

function passes(one: Alert, filter: Filter): boolean {
  const text = filter.text.toLowerCase();
  const { since, until } = periodOf(filter);
  return (
    inState(one, filter) &&
    hasOutcome(one, filter) &&
    (!filter.least_score || one.score * 100 >= Number(filter.least_score)) &&
    (!filter.least_amount || one.value >= Number(filter.least_amount)) &&
    (!filter.country || one.country === filter.country) &&
    (!filter.fraud_type || one.fraud_type === filter.fraud_type) &&
    (since === null || one.timestamp >= since) &&
    (until === null || one.timestamp < until) &&
    (!text || searched(one).some((name) => name.toLowerCase().includes(text)))
  );
}

/** The texts that the search looks in. */
function searched(one: Alert): string[] {
  const texts = Object.values(one.fields).filter((value) => typeof value === "string");
  return [one.card_id, one.merchant_id ?? "", one.transaction_id, ...texts];
}

interface FiltersProps {
  filter: Filter;
  choices: Choices;
  change: (filter: Filter) => void;
}

export function Filters({ filter, choices, change }: FiltersProps): JSX.Element {
  const set = (part: Partial<Filter>) => change({ ...filter, ...part });
  const names = useMemo(() => choices.countries?.map((code) => [code, country(code)] as const), [choices.countries]);
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>state</span>
        <select value={filter.state} onChange={(event) => set({ state: event.currentTarget.value as Filter["state"] })}>
          <option value="all">all</option>
          <option value="open">not reviewed</option>
          <option value="reviewed">reviewed</option>
          <option value="history">history</option>
        </select>
      </label>
      <label>
        <span>outcome</span>
        <select value={filter.shown} onChange={(event) => set({ shown: event.currentTarget.value as Filter["shown"] })}>
          <option value="">any</option>
          <option value="review">to review</option>
          <option value="challenge">challenged</option>
          <option value="decline">declined</option>
          <option value="sample">random sample</option>
        </select>
      </label>
      <label>
        <span>probability from, %</span>
        <input type="number" min={0} max={100} inputMode="numeric" placeholder="0" value={filter.least_score} onInput={(event) => set({ least_score: event.currentTarget.value })} />
      </label>
      <label>
        <span>amount from</span>
        <input type="number" min={0} inputMode="decimal" placeholder="0" value={filter.least_amount} onInput={(event) => set({ least_amount: event.currentTarget.value })} />
      </label>
      {names && (
        <label>
          <span>country</span>
          <select value={filter.country} onChange={(event) => set({ country: event.currentTarget.value })}>
            <option value="">any</option>
            {names.map(([code, name]) => (
              <option key={code} value={code}>
                {isolated(name)}
              </option>
            ))}
          </select>
        </label>
      )}
      {choices.fraud_types.length > 0 && (
        <label title="Known once a label names it">
          <span>kind of fraud</span>
          <select value={filter.fraud_type} onChange={(event) => set({ fraud_type: event.currentTarget.value })}>
            <option value="">any</option>
            {choices.fraud_types.map((name) => (
              <option key={name} value={name}>
                {isolated(fraudType(name))}
              </option>
            ))}
          </select>
        </label>
      )}
      <DayFields days={filter} change={(days) => set(days)} />
      <label class="grow">
        <span>card, merchant, transaction or value</span>
        <input type="search" maxLength={64} placeholder="any" value={filter.text} onInput={(event) => set({ text: event.currentTarget.value })} />
      </label>
    </form>
  );
}

interface ListProps {
  alerts: Alert[];
  flood: boolean;
  chosen?: Pick<Route, "id" | "card">;
  target: "case" | "review";
  /** What rows name: on a merchant's page the cards. */
  names?: "merchant" | "card";
}

export function AlertList({ alerts, flood, chosen, target, names = "merchant" }: ListProps): JSX.Element {
  const now = useNow(5_000);
  const [oldest] = useState(() => Date.now());
  return (
    <ol class="feed">
      {alerts.map((one) => (
        <Row key={one.seq} one={one} fresh={one.scored_at > oldest && !flood} chosen={!!chosen && isOpen(one, chosen)} target={target} names={names} age={ago(one.scored_at, now)} />
      ))}
    </ol>
  );
}

interface RowProps {
  one: Alert;
  fresh: boolean;
  chosen: boolean;
  target: "case" | "review";
  names: "merchant" | "card";
  age: string;
}

/** Rendered again only when it changes: most of a list stays the same when an alert arrives. */
class Row extends Component<RowProps> {
  /** Decided when it appears, so that many alerts at once do not flash. */
  private readonly fresh = this.props.fresh;

  override shouldComponentUpdate(next: RowProps): boolean {
    const { one, chosen, age } = this.props;
    return next.one !== one || next.chosen !== chosen || next.age !== age;
  }

  override render({ one, chosen, target, names, age }: RowProps): JSX.Element {
    return (
      <li class={this.fresh ? "fresh" : ""}>
        <div class="feed-row">
          <span class={`tag ${state(one).replace(" ", "-")}`} role="img" aria-label={state(one)} />
          <span class="feed-score">
            {probability(one.score)}
            <ScoreBar score={one.score} threshold={one.threshold} />
          </span>
          <span class="feed-main">
            <span class="feed-top">
              <strong>{money(one)}</strong> <span class="muted">
                {names === "card" || one.merchant_id === null ? <CardLink card={one} /> : <MerchantLink id={one.merchant_id} />}
                {hasWord(one) && one.country && (
                  <>
                    {" · "}
                    <ExternalText text={one.country} />
                  </>
                )}
              </span>
            </span>
            <a class="feed-open" href={link(target, one)} aria-current={chosen ? "true" : undefined} aria-label={isolated(`${money(one)}: ${reasonLine(one)}`)}>
              {reasonLine(one)}
            </a>
          </span>
          <span class="feed-end">
            {hasWord(one) ? (
              <span class={`word decision-${one.is_sample ? "sample" : one.decision}`}>{decisionWord(one)}</span>
            ) : (
              <span>
                <ExternalText text={one.country ?? ""} />
              </span>
            )}
            <time dateTime={new Date(one.scored_at).toISOString()}>{age}</time>
          </span>
        </div>
      </li>
    );
  }
}

/** Whether outcomes differ: without a policy every alert is to be reviewed. */
export const hasWord = (one: Alert): boolean => one.decision !== "review" || one.policy !== null;

/** Whether it waits for an analyst. */
export const isWork = (one: Alert): boolean => forAnalysts(one) && one.outcome === null && one.is_fraud === null;

/** What decided, and the reasons of the model. */
export function reasonLine(one: Alert): string {
  const cause = shortCause(one);
  const reasons = one.reasons.slice(0, 2).map((reason) => isolated(reason.text));
  return [...(cause ? [isolated(cause)] : []), ...reasons].join(" · ") || "no reason given";
}

export function state(one: Alert): string {
  if (one.outcome !== null) return one.outcome;
  if (one.is_history && one.is_fraud === null) return "history";
  return one.is_fraud === null ? "not reviewed" : one.is_fraud ? "fraud" : "legitimate";
}
