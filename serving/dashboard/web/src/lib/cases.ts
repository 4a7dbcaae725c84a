import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, post } from "./api";
import type { AlertCase, CaseQueue, CaseViewer } from "./case_types";
import { uuid } from "./random";
import { arrived, casesChanged, missed, useCell, viewers } from "./state";
import { useTurns } from "./turns";
import type { Alert } from "./types";

/** Milliseconds between two loads of the queue, and of a case, while alerts arrive. */
const [calm, brisk] = [1_500, 500];
/** Milliseconds between two messages that a case is open here; the server forgets it after three. */
const heartbeat = 15_000;

export type Whose = "" | "mine" | "unclaimed" | "escalated";

interface Queue {
  value: CaseQueue | null;
  problem: string;
}

/** The queue of cases that pass a filter, loaded again when something of it may have changed. */
export function useCaseQueue(query: Record<string, string | number>): Queue {
  const [queue, setQueue] = useState<Queue>({ value: null, problem: "" });
  const gaps = useCell(missed);
  const turn = useTurns(calm, "", (changed) => [arrived.subscribe(changed), casesChanged.subscribe(changed)]);
  const key = JSON.stringify(query);
  useEffect(() => {
    let wanted = true;
    // A text may be a card's number, which no address may have.
    const asked = "text" in query ? post<CaseQueue>("cases/search", query) : get<CaseQueue>("cases", query);
    asked.then(
      (value) => wanted && setQueue({ value, problem: "" }),
      (error: Error) => wanted && setQueue((last) => ({ ...last, problem: error.message })),
    );
    return () => {
      wanted = false;
    };
  }, [key, gaps, turn]);
  return queue;
}

/** A number that increases when something of a card changes: its alerts, their reviews, who has its cases. */
export function useCardTurns(id: string, card: string): number {
  const gaps = useCell(missed);
  const turns = useTurns(brisk, `${id} ${card}`, (changed) => [
    arrived.subscribe(({ alerts }) => alerts.some((one) => (card ? one.card_ref === card : one.transaction_id === id)) && changed()),
    casesChanged.subscribe((cards) => (!card || cards.includes(card)) && changed()),
  ]);
  return gaps + turns;
}

/** Says that this page has an alert open, as long as it is. */
export function useOpenHere(alert: Pick<Alert, "transaction_id" | "card_ref"> | null, may: boolean): void {
  const page = useRef(uuid());
  const [id, card] = [alert?.transaction_id, alert?.card_ref];
  useEffect(() => {
    if (!may || id === undefined) return;
    const say = (transaction_id: string | null): void => {
      post("case-viewers", { page: page.current, transaction_id, card_ref: card }).catch(() => undefined);
    };
    say(id);
    const timer = setInterval(() => say(id), heartbeat);
    return () => {
      clearInterval(timer);
      say(null);
    };
  }, [id, card, may]);
}

/** The others who have an alert of a case open. */
export function viewersOf(all: CaseViewer[], of: Pick<AlertCase, "card_ref" | "first" | "last">, me: string): string[] {
  const here = all.filter((one) => one.card_ref === of.card_ref && one.timestamp >= of.first && one.timestamp <= of.last);
  return [...new Set(here.map((one) => one.user))].filter((name) => name !== me).sort();
}

export const useViewers = (): CaseViewer[] => useCell(viewers);

interface Knowing {
  busy: boolean;
  problem: string;
  /** What repeats the refused request knowingly; null where nothing was refused because of another person. */
  repeat: (() => void) | null;
  run: (act: (known: string[]) => Promise<void>) => void;
  dismiss: () => void;
}

type Act = (known: string[]) => Promise<void>;
const idle = { busy: false, problem: "", refused: null as { act: Act; known: string[] } | null };

/** Runs requests that are refused when another person was there first, and repeats them when that is meant. */
export function useKnowingly(): Knowing {
  const [state, setState] = useState(idle);
  const running = useRef(false);
  const attempt = async (act: Act, known: string[]): Promise<void> => {
    if (running.current) return;
    running.current = true;
    setState({ ...idle, busy: true });
    try {
      await act(known);
      setState(idle);
    } catch (error) {
      const conflict = error instanceof ApiError ? error.conflict : null;
      const refused = conflict && { act, known: [...known, conflict.token] };
      setState({ busy: false, problem: error instanceof Error ? error.message : String(error), refused });
    } finally {
      running.current = false;
    }
  };
  const { busy, problem, refused } = state;
  return {
    busy,
    problem,
    repeat: refused && (() => void attempt(refused.act, refused.known)),
    run: (act) => void attempt(act, []),
    dismiss: () => setState(idle),
  };
}
