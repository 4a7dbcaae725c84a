// Answers of the search, of the pages of cards and merchants, with their names.
import type { Alert, Decision, Outcome, Payment } from "../types";

/** A card by its number, and by what addresses call it. */
export interface CardId {
  card_id: string;
  card_ref: string;
}

/** A stored payment with what became of it. */
export interface FoundPayment extends Payment, CardId {
  seq: number;
  /** Null where its prediction has not arrived. */
  decision: Decision | null;
  is_sample: boolean;
  fraud_type: string | null;
  /** The latest review. */
  outcome: Outcome | null;
  /** Whether it is an alert, which can be opened. */
  has_case: boolean;
}

export interface Found<T> {
  found: T[];
  more: boolean;
}

/** Some of many, and how many others there are. */
export interface Listed<T> {
  found: T[];
  more: number;
}

export interface SearchAnswer {
  cards: Found<CardId & { payments: number; alerts: number }>;
  merchants: Found<{ merchant_id: string; payments: number; alerts: number }>;
  transactions: Found<FoundPayment>;
  /** What is stored: event times of the oldest and the newest payment, and counts. */
  searched: { since: number | null; until: number | null; cards: number; merchants: number };
}

/** Minor units of a currency. */
export interface Amounts {
  currency: string;
  digits: number;
  payments: number;
  median: number;
  largest: number;
}

/** Figures of the newest payments, `examined` of them; `payments` counts all that are stored. */
export interface Summary {
  payments: number;
  examined: number;
  first_at: number | null;
  last_at: number | null;
  flagged: number;
  frauds: number;
  amounts: Amounts[];
}

export interface MerchantOfCard {
  merchant_id: string;
  payments: number;
  flagged: number;
  frauds: number;
  last_at: number;
}

export interface CardReview {
  transaction_id: string;
  outcome: Outcome;
  note: string;
  analyst: string;
  decided_at: number;
}

export interface CardDetail extends CardId {
  summary: Summary & { merchants: number };
  alerts: Alert[];
  reviews: Found<CardReview>;
  merchants: Listed<MerchantOfCard>;
  has_place: boolean;
}

/** A card that paid at the same merchants, around the frauds. */
export interface OtherCard extends CardId {
  merchants: string[];
  merchants_more: number;
  payments: number;
  flagged: number;
  frauds: number;
  /** Milliseconds between one of its payments and the nearest fraud. */
  gap_ms: number;
}

export interface OtherCards extends Listed<OtherCard> {
  /** Frauds of the card around which others were looked for. */
  around: number;
  /** Whether they are known frauds; else they are flagged payments that nobody has reviewed. */
  are_known: boolean;
  hours: number;
}

export interface PaymentPage {
  payments: FoundPayment[];
  /** The `before` of the next page; null at the end. */
  more: string | null;
}

export interface MerchantInCommon {
  merchant_id: string;
  cards: number;
  shown: CardId[];
  alerts: number;
  frauds: number;
}

export interface MerchantDetail {
  merchant_id: string;
  date: string | null;
  profile: Record<string, number | null> | null;
  summary: Summary & { cards: number; alerts: number; alerts_fraud: number; alerts_legitimate: number };
  alerts: Alert[];
  in_common: Listed<MerchantInCommon> & { examined_cards: number };
}
