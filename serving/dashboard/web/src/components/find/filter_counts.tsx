import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { post } from "../../lib/api";
import { compact, sums } from "../../lib/format";
import { arrived, missed, useCell } from "../../lib/state";
import type { Sum } from "../../lib/types";
import { ExternalText } from "../external_text";
import { everything, filterQuery, type Filter } from "../feed";

/** Milliseconds between two counts while alerts arrive. */
const calm = 2_000;

/** Of the alerts that a filter passes: all, and those to review with their money at risk. */
export interface FilterCounts {
  alerts: number;
  open: number;
  at_risk: Sum[];
}

/** Counts that follow a filter; null without one, and until the server has answered. */
export function useFilterCounts(filter: Filter): FilterCounts | null {
  const key = isNarrow(filter) ? JSON.stringify(filterQuery(filter)) : "";
  const gaps = useCell(missed);
  const [turn, setTurn] = useState(0);
  const [counts, setCounts] = useState<{ of: string; value: FilterCounts } | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = arrived.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setTurn((one) => one + 1);
      }, calm);
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, []);
  useEffect(() => {
    if (!key) return;
    let isCurrent = true;
    post<FilterCounts>("alerts/counts", JSON.parse(key)).then(
      (value) => isCurrent && setCounts({ of: key, value }),
      () => undefined, // the list says what is wrong
    );
    return () => {
      isCurrent = false;
    };
  }, [key, gaps, turn]);
  return key && counts?.of === key ? counts.value : null;
}

/** Whether a filter leaves alerts out; the order does not. */
export function isNarrow(filter: Filter, whole: Filter = everything): boolean {
  return JSON.stringify({ ...filter, order: whole.order }) !== JSON.stringify(whole);
}

/** What the filtered list holds. */
export function FilterCount({ counts }: { counts: FilterCounts }): JSX.Element {
  const risk = counts.open ? `, ${sums(counts.at_risk)} at risk` : "";
  return (
    <span class="hint">
      {compact(counts.alerts)} {counts.alerts === 1 ? "match" : "matches"}, {compact(counts.open)} not reviewed{risk}
    </span>
  );
}

/** An empty list because of a filter, which is no all-clear. */
export function NoneMatch({ filter, clear, others }: { filter: Filter; clear: () => void; others: string }): JSX.Element {
  return (
    <div class="no-match">
      <p>No alert matches the filter{filter.text && <> “<ExternalText text={filter.text} />”</>}.</p>
      {others && <p class="facts">{others}</p>}
      <button type="button" class="quiet" onClick={clear}>
        Clear the filter
      </button>
    </div>
  );
}
