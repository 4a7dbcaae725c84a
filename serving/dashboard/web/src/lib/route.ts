import { Cell } from "./state";
import type { Alert } from "./types";

export type Page = "live" | "review" | "case" | "policy" | "lists" | "models" | "monitoring" | "audit";
export interface Route {
  page: Page;
  /** A transaction, a version of the policy, or a list. */
  id: string;
  /** The alert's `card_ref`; empty where a link has none. */
  card: string;
}

const pages: readonly string[] = ["live", "review", "case", "policy", "lists", "models", "monitoring", "audit"];

function read(): Route {
  const [page = "", id = "", card = ""] = location.hash.replace(/^#\/?/, "").split("/");
  return { page: (pages.includes(page) ? page : "live") as Page, id: decoded(id), card: decoded(card) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = new Cell<Route>(read());
window.addEventListener("hashchange", () => route.set(read()));

/** The key of a payment: cards may share an id. */
type PaymentKey = Pick<Alert, "transaction_id" | "card_ref">;

/** Whether an alert is the one that is open. */
export function isOpen(one: PaymentKey, { id, card }: Pick<Route, "id" | "card">): boolean {
  return one.transaction_id === id && (card === "" || one.card_ref === card);
}

export function link(page: Page, one?: PaymentKey): string {
  return `#/${page}${one ? `/${encodeURIComponent(one.transaction_id)}/${encodeURIComponent(one.card_ref)}` : ""}`;
}

/** The link to a version of the policy, or to a list. */
export function linkTo(page: "policy" | "lists", id: string | number): string {
  return `#/${page}/${encodeURIComponent(id)}`;
}

export function go(page: Page, one?: PaymentKey): void {
  location.hash = link(page, one);
}
