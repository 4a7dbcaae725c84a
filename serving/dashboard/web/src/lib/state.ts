import { useEffect, useState } from "preact/hooks";
import { ApiError, get } from "./api";
import type { CaseViewer } from "./case_types";
import type { Alert, Figures, KafkaState } from "./types";

/** A value that components subscribe to. */
export class Cell<T> {
  private readonly subscribers = new Set<(value: T) => void>();
  constructor(public value: T) {}

  set(value: T): void {
    this.value = value;
    for (const notify of this.subscribers) notify(value);
  }

  subscribe(notify: (value: T) => void): () => void {
    this.subscribers.add(notify);
    return () => this.subscribers.delete(notify);
  }
}

export function useCell<T>(cell: Cell<T>): T {
  const [value, setValue] = useState(cell.value);
  useEffect(() => {
    setValue(cell.value);
    return cell.subscribe((next) => setValue(() => next));
  }, [cell]);
  return value;
}

export type ConnectionState = "connecting" | "open" | "lost";
export const line = new Cell<ConnectionState>("connecting");
export const kafka = new Cell<KafkaState | null>(null);
export const figures = new Cell<Figures | null>(null);
export const arrived = new Cell<{ alerts: Alert[]; more: number }>({ alerts: [], more: 0 });
/** The cards of which somebody claimed, assigned, released or escalated a case, or undid a review, by `card_ref`. */
export const casesChanged = new Cell<string[]>([]);
/** Who has which alert open. */
export const viewers = new Cell<CaseViewer[]>([]);
/** Changes when policies or lists do. */
export const decisionsChanged = new Cell(0);
/** Increases when events may have been lost, so that lists are loaded again. */
export const missed = new Cell(0);

/** Milliseconds within which several changes of policies and lists are one. */
const calm = 300;
let changing: ReturnType<typeof setTimeout> | undefined;

function noteChange(): void {
  changing = undefined;
  decisionsChanged.set(decisionsChanged.value + 1);
}

let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;

export function openStream(): void {
  closeStream();
  const opened = new EventSource("api/stream");
  source = opened;
  const on = <T,>(name: string, act: (data: T) => void) =>
    opened.addEventListener(name, (event) => act(JSON.parse((event as MessageEvent<string>).data) as T));
  on("hello", () => {
    // What was published before this stream began, also the first one, may be missing in lists that were loaded before.
    missed.set(missed.value + 1);
    line.set("open");
  });
  on<KafkaState>("kafka", (state) => kafka.set(state));
  on<Figures>("figures", (data) => figures.set(data));
  on<{ alerts: Alert[]; more: number }>("alerts", (data) => arrived.set(data));
  on<{ cards: string[] }>("cases", ({ cards }) => casesChanged.set(cards));
  on<{ viewers: CaseViewer[] }>("viewers", (data) => viewers.set(data.viewers));
  on("decisions", () => {
    changing ??= setTimeout(noteChange, calm);
  });
  on("lost", () => missed.set(missed.value + 1));
  opened.onerror = () => {
    line.set("lost");
    if (opened.readyState !== EventSource.CLOSED) return;
    retry = setTimeout(() => void get("me").then(openStream, reopenUnlessLoggedOut), 2_000);
  };
}

export function closeStream(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function reopenUnlessLoggedOut(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 401)) openStream();
}

/** The answer to a GET request, loaded again when `path` or `again` changes. */
export function useQuery<T>(path: string, again: unknown = 0): { value: T | null; problem: string | null } {
  const [answer, setAnswer] = useState<{ path: string; value: T | null; problem: string | null }>({
    path,
    value: null,
    problem: null,
  });
  useEffect(() => {
    let wanted = true;
    get<T>(path).then(
      (value) => wanted && setAnswer({ path, value, problem: null }),
      (error: Error) =>
        wanted && setAnswer((last) => ({ path, value: last.path === path ? last.value : null, problem: error.message })),
    );
    return () => {
      wanted = false;
    };
  }, [path, again]);
  return answer.path === path ? answer : { value: null, problem: null };
}

/** The current time, updated every `every` milliseconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
