import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../../lib/api";
import type { FoundPayment, PaymentPage } from "../../lib/find/types";
import { periodOf, type Days } from "../../lib/find/period";
import { useCell } from "../../lib/state";
import { zone } from "../../lib/zone";

interface History {
  payments: FoundPayment[];
  /** Null at the end of what is stored. */
  more: string | null;
  problem: string;
  busy: boolean;
  known: boolean;
  loadMore: () => void;
}

const empty = { payments: [], more: null, problem: "", busy: true, known: false };

/** The payments of a card or merchant, newest first, a page at a time; loaded again when `again` changes. */
export function usePaymentHistory(path: string, query: Record<string, string>, days: Days, again: unknown): History {
  const [state, setState] = useState<Omit<History, "loadMore">>(empty);
  useCell(zone);
  const wanted = { ...query, ...periodOf(days) };
  const key = JSON.stringify([path, wanted]);
  const load = (before: string | null, isCurrent: () => boolean): void => {
    get<PaymentPage>(path, { ...wanted, before }).then(
      (page) =>
        isCurrent() &&
        setState((last) => ({ payments: [...(before ? last.payments : []), ...page.payments], more: page.more, problem: "", busy: false, known: true })),
      (error: Error) => isCurrent() && setState((last) => ({ ...last, problem: error.message, busy: false })),
    );
  };
  useEffect(() => {
    let current = true;
    load(null, () => current);
    return () => {
      current = false;
    };
  }, [key, again]);
  useEffect(() => setState(empty), [key]);
  const loadMore = (): void => {
    setState({ ...state, busy: true });
    load(state.more, () => true);
  };
  return { ...state, loadMore };
}

/** What stands below a list that has more. */
export function LoadMore({ history }: { history: History }): JSX.Element | null {
  if (history.problem) {
    return (
      <p class="problem" role="alert">
        {history.problem}
      </p>
    );
  }
  if (history.more === null) return null;
  return (
    <button type="button" class="quiet" disabled={history.busy} onClick={history.loadMore}>
      {history.busy ? "loading…" : "Show earlier payments"}
    </button>
  );
}
