import { useEffect, useState } from "preact/hooks";
import { post } from "../api";
import type { SearchAnswer } from "./types";
import { periodOf, type Days } from "./period";
import { Cell, useCell } from "../state";
import { zone } from "../zone";

/** What is searched for. It is kept here and sent in bodies: it may be a card's number, which no address may have. */
export interface Wanted extends Days {
  text: string;
}

export const nothing: Wanted = { text: "", from: "", to: "" };
export const wanted = new Cell<Wanted>(nothing);

/** Milliseconds without another letter until a search starts. */
const calm = 250;

export const isEmpty = (one: Wanted): boolean => !one.text.trim() && !one.from && !one.to;

interface Result {
  /** What the answer is of. */
  of: string;
  value: SearchAnswer | null;
  problem: string | null;
}

/** The answer to what is wanted; its value is null while the server searches. */
export function useSearch(): Result {
  const now = useCell(wanted);
  const { since, until } = periodOf(now);
  useCell(zone);
  const of = isEmpty(now) ? "" : JSON.stringify({ text: now.text.trim(), since, until });
  const [result, setResult] = useState<Result>({ of: "", value: null, problem: null });
  useEffect(() => {
    if (!of) return;
    let isCurrent = true;
    const timer = setTimeout(() => {
      post<SearchAnswer>("search", JSON.parse(of)).then(
        (value) => isCurrent && setResult({ of, value, problem: null }),
        (error: Error) => isCurrent && setResult({ of, value: null, problem: error.message }),
      );
    }, calm);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [of]);
  return result.of === of ? result : { of, value: null, problem: null };
}
