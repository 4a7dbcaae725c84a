import { Cell } from "./state";
import type { Alert } from "./types";

const pages = ["live", "review", "case", "search", "card", "merchant", "policy", "lists", "models", "monitoring", "audit"] as const;
export type Page = (typeof pages)[number];
export interface Route {
  page: Page;
  /** A transaction, a merchant, a version of the policy, or a list. */
  id: string;
  /** The card's or the alert's `card_ref`; empty where a link has none. */
  card: string;
}

function read(): Route {
  const [name, ...parts] = location.hash.replace(/^#\/?/, "").split("/");
  const page = pages.find((one) => one === name) ?? "live";
  const [first = "", second = ""] = parts.map(decoded);
  // The page of a card may name one of its payments.
  return page === "card" ? { page, id: second, card: first } : { page, id: first, card: second };
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

export function linkToCard(card_ref: string, transaction_id = ""): string {
  return `#/card/${encodeURIComponent(card_ref)}${transaction_id ? `/${encodeURIComponent(transaction_id)}` : ""}`;
}

export function linkToMerchant(merchant_id: string): string {
  return `#/merchant/${encodeURIComponent(merchant_id)}`;
}

export function go(page: Page, one?: PaymentKey): void {
  location.hash = link(page, one);
}
