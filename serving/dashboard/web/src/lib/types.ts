// The answers of the server, with its names.
export type Role = "viewer" | "analyst" | "admin";
export type Outcome = "fraud" | "legitimate" | "unsure";

export interface Me {
  name: string;
  role: Role;
  csrf: string;
}

export interface Reason {
  feature: string;
  value: number | null;
  contribution: number;
  text: string;
}

export interface Place {
  latitude: number | null;
  longitude: number | null;
}

/** The values of the fields that a payment has beside those that every payment has, by name. */
export type Fields = Record<string, string | number | boolean>;

/** A declared field, with the value of a payment in words. */
export interface Described {
  name: string;
  label: string;
  /** Null where it is declared no longer. */
  type: string | null;
  text: string | null;
}

/** What the profiles of a field's value said when the payment was scored, in words. */
export interface Profiles {
  label: string;
  texts: string[];
}

export interface Alert extends Place {
  seq: number;
  transaction_id: string;
  card_id: string;
  /** The reference of the card in links and requests. */
  card_ref: string;
  merchant_id: string | null;
  amount: number;
  digits: number;
  currency: string;
  timestamp: number;
  country: string | null;
  fields: Fields;
  score: number;
  threshold: number;
  model_name: string;
  model_version: string;
  feature_version: number;
  /** The digest of the definitions, null for those that are shipped. */
  definitions: string | null;
  scored_at: number;
  profile_date: string | null;
  /** Of the profiles of ids and categories, null without any. */
  profile_moment: number | null;
  reasons: Reason[];
  challenger_version: string | null;
  challenger_score: number | null;
  value: number;
  at_risk: number;
  outcome: Outcome | null;
  analyst: string | null;
  note: string | null;
  decided_at: number | null;
  pending: number | null;
  is_fraud: number | null;
  label_source: string | null;
  fraud_type: string | null;
  reported_at: number | null;
}

export interface Payment extends Place {
  transaction_id: string;
  merchant_id: string | null;
  amount: number;
  digits: number;
  currency: string;
  timestamp: number;
  country: string | null;
  fields: Fields;
  score: number | null;
  flagged: number | null;
  is_fraud: number | null;
}

export interface ReviewRecord {
  outcome: Outcome;
  note: string;
  analyst: string;
  decided_at: number;
  pending: number;
}

export interface Merchant {
  merchant_id: string;
  date: string | null;
  profile: Record<string, number | null> | null;
  alerts: number;
  frauds: number;
}

export interface Case {
  alert: Alert;
  fields: Described[];
  profiles: Profiles[];
  has_place: boolean;
  payments: Payment[];
  merchant: Merchant | null;
  reviews: ReviewRecord[];
}

export interface Live {
  now: number;
  step_ms: number;
  begin: number[];
  scored: number[];
  flagged: number[];
  p50: (number | null)[];
  p95: (number | null)[];
  scores: number[];
  whole: {
    scored: number;
    flagged: number;
    late: number;
    value: number;
    p50: number | null;
    p95: number | null;
    p99: number | null;
  };
}

/** In units of the currency. */
export interface Sum {
  currency: string;
  amount: number;
}

export interface ReviewFigures {
  alerts: number;
  open: number;
  at_risk: Sum[];
  fraud: number;
  legitimate: number;
  threshold: number | null;
  model_version: string | null;
}

export type Figures = Live & { review: ReviewFigures };

export interface KafkaState {
  connected: boolean;
  since: number;
}

export interface Version {
  version: string;
  aliases: string[];
  run_id: string;
  created_at: number;
  reason: string;
  tags: Record<string, string>;
  metrics: Record<string, number>;
}

export interface Shadow {
  model_version: string;
  challenger_version: string;
  scored: number;
  difference: number;
  /** The figures below are null while the registry does not give it. */
  challenger_threshold: number | null;
  both: number | null;
  champion_only: number | null;
  challenger_only: number | null;
  agreement: number | null;
}

export interface Sourced<T> {
  value: T | null;
  problem: string | null;
  at: number;
}

/** Counts of messages that could not be read. */
export interface Refused {
  labels: number;
  payments: number;
}

export interface Matured {
  predictions: number;
  alerts: number;
  frauds: number;
  caught: number;
  precision: number | null;
  recall: number | null;
}

export interface Drift {
  name: string;
  psi: number;
  ks: number;
}

export interface Report {
  moment: string;
  model_version: string | null;
  expected_recall: number | null;
  predictions: number;
  features: Drift[];
  score: Drift | null;
  days: { date: string; predictions: number; alerts: number; alert_rate: number; matured: Matured }[];
  matured: Matured | null;
  calibration: { low: number; high: number; predictions: number; expected: number; observed: number }[];
  label_delay: Record<string, number>;
  notes: string[];
  alarms: string[];
  inconsistencies: string[];
}

export interface AuditEntry {
  seq: number;
  at: number;
  who: string;
  action: string;
  subject: string;
  detail: Record<string, string>;
}
