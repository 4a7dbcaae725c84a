// Cases in the answers of the server, with its names.
import type { Alert, Outcome, Sum } from "./types";

export type CaseStatus = "open" | "claimed" | "escalated" | "reviewed";
export type CaseActionName = "claim" | "assign" | "release" | "escalate";

/** The alerts of one card within a campaign, as the queue shows them. */
export interface AlertCase {
  id: string;
  card_ref: string;
  /** Event times of the first and the last alert. */
  first: number;
  last: number;
  alerts: number;
  open: number;
  /** Of the open alerts. */
  at_risk: Sum[];
  status: CaseStatus;
  assignee: string | null;
  /** Who did what with it last. */
  by: string | null;
  since: number | null;
  note: string;
  /** The alert to begin with: most money at risk. */
  main: Alert;
}

export interface CaseQueue {
  cases: AlertCase[];
  /** Of the whole filter, not only of the listed cases. */
  total: number;
  open_alerts: number;
  at_risk: Sum[];
  countries: string[] | null;
  fraud_types: string[];
}

/** What somebody did with a case or one of its alerts. */
export interface CaseEvent {
  at: number;
  by: string;
  what: CaseActionName | Outcome;
  to: string | null;
  note: string;
  /** Null of what concerns the whole case. */
  transaction_id: string | null;
}

export interface CaseDetail extends AlertCase {
  /** By event time. */
  members: Alert[];
  /** The newest first. */
  history: CaseEvent[];
  /** Tokens of what is shown, which a review of it takes. */
  known: string[];
}

/** Somebody who has an alert open. */
export interface CaseViewer {
  user: string;
  card_ref: string;
  timestamp: number;
}

/** Another person was there first. */
export interface Conflict {
  by: string;
  what: string;
  at: number;
  token: string;
}

export interface ReviewAnswer {
  alerts: Alert[];
  ids: string[];
  undo_until: number | null;
}
