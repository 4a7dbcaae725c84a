// The answers of the server, with its names.
import type { CaseDetail } from "./case_types";

export type Role = "viewer" | "analyst" | "admin";
export type Outcome = "fraud" | "legitimate" | "unsure";
/** The outcome of a payment's decision. */
export type Decision = "approve" | "challenge" | "review" | "decline";

export interface Me {
  name: string;
  role: Role;
  csrf: string;
  /** Not of the company's login. */
  has_password: boolean;
  /** Another person knows the password: nothing else is allowed before a new one. */
  must_change_password: boolean;
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
  decision: Decision;
  /** Approved, and given to analysts at random. */
  is_sample: boolean;
  /** Of a history that was published long after its time: no work for analysts. */
  is_history: boolean;
  /** `list NAME` or `rule NAME`, null of the bands. */
  decided_by: string | null;
  /** Live rules that fired, as `name@version`, by priority. */
  rules: string[];
  lists: string[];
  policy: string | null;
  segment: string | null;
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
  id: string;
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
  /** The card's alerts of the same campaign, and who has them. */
  case: CaseDetail;
  /** Why rules and lists are in the policy, by `rule NAME` and `list NAME`. */
  decision_reasons: Record<string, string>;
  /** The strongest first; null where the features were not kept, or are of other definitions. */
  features: ExplainedFeature[] | null;
}

/** A feature of a flagged payment in words; `contribution` is in log-odds, null where none was kept. */
export interface ExplainedFeature {
  name: string;
  text: string;
  value: number | null;
  contribution: number | null;
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

/** Of the monitor's reports, by this dashboard itself. */
export interface Making {
  is_on: boolean;
  is_running: boolean;
  problem: string | null;
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

export type PolicyStatus = "proposed" | "approved" | "rejected" | "superseded";

/** What one person said of a version. */
export interface Statement {
  by: string;
  at: number;
  reason: string;
}

export interface PolicyVersion {
  version: number;
  status: PolicyStatus;
  author: string;
  at: number;
  reason: string;
  approvals: Statement[];
  approvals_needed: number;
  rejection: Statement | null;
  /** Why it may decline more payments than it allows; empty: it may not. */
  override_declines: string;
  has_what_if: boolean;
  is_live: boolean;
  is_shadow: boolean;
}

export interface Policies {
  /** Null once the topic of policies was read. */
  problem: string | null;
  /** People besides the author who must approve. */
  approvals: number;
  /** Null where the default policy decides. */
  live: number | null;
  shadow: number | null;
  can_roll_back: boolean;
  /** What a rollback would make live; null: the default policy. */
  previous: number | null;
  /** The newest first. */
  versions: PolicyVersion[];
  history: { at: number; by: string; text: string }[];
  /** The newest events that do not count. */
  refused: { position: number; by: string; reason: string }[];
}

export interface PolicyRule {
  name: string;
  when: string;
  outcome: Decision;
  mode: "off" | "shadow" | "live";
  share: number;
  priority: number;
  reason: string;
  owner: string;
  expires: number | null;
  /** Stored payments that it decided since midnight, UTC, other than approved ones. */
  decided_today: number;
}

export interface PolicyListUse {
  name: string;
  field: string;
  outcome: Decision | null;
  reason: string;
  entries: number;
}

export interface Bands {
  name: string;
  when: string | null;
  value: "probability" | "expected_cost";
  bands: { outcome: Decision; lower: number | "model" }[];
}

/** A policy, parsed: lists, rules and bands in the order in which they decide. */
export interface ParsedPolicy {
  name: string;
  lists: PolicyListUse[];
  rules: PolicyRule[];
  segments: Bands[];
  review_capacity: number | null;
  control_share: number;
  sample_share: number;
  most_declined: number;
}

export interface PolicyDetail {
  /** Null of the default policy. */
  version: number | null;
  text: string;
  /** Of the text, for what-ifs. */
  key: string;
  policy: ParsedPolicy | null;
  findings: Finding[];
}

export interface Finding {
  /** Null where it is about the whole. */
  line: number | null;
  /** `override`: its author must say that it is meant. */
  severity: "error" | "override" | "warning";
  text: string;
}

/** A figure with its 95 % interval; null where it is not known. */
export interface Estimate {
  value: number | null;
  low: number | null;
  high: number | null;
}

/** Of a policy, or of a part; counts are a day. */
export interface DecisionFigures {
  alerts: Estimate;
  challenges: number;
  reviews: number;
  declines: number;
  precision: Estimate;
  recall: Estimate;
  lost: Estimate;
  saved: Estimate;
  wrongly_declined: Estimate;
}

export interface WhatIfPart {
  kind: string;
  name: string;
  outcome: Decision | null;
  fired: number;
  failed: number;
  figures: DecisionFigures;
  alone: number;
  alone_frauds: number;
}

export interface BandCurve {
  segment: string;
  value: "probability" | "expected_cost";
  bounds: Record<string, number>;
  points: { bound: number; alerts: number; precision: number | null; recall: number | null }[];
}

export interface WhatIfResult {
  policy: string;
  live: string;
  first_day: string;
  last_day: string;
  days: number;
  payments: number;
  known: number;
  frauds: number;
  currency: string;
  policies: { name: string; figures: DecisionFigures }[];
  parts: WhatIfPart[];
  changes: Partial<Record<Decision, Partial<Record<Decision, number>>>>;
  curves: BandCurve[];
  review_capacity: number | null;
  days_over_capacity: { day: string; reviews: number }[];
  warnings: string[];
}

/** A policy that is tried, or was. */
export interface WhatIfRun {
  key: string;
  days: number;
  by: string;
  started_at: number;
  ended_at: number | null;
  result: WhatIfResult | null;
  problem: string | null;
}

/** A line of the difference between two versions. */
export interface ChangedLine {
  mark: "+" | "-" | " ";
  text: string;
}

export interface ListOverview {
  problem: string | null;
  lists: { name: string; field: string | null; outcome: Decision | null; reason: string; entries: number; expired: number }[];
}

export interface Entry {
  value: string;
  /** Of a card, for links. */
  card_ref?: string;
  reason: string;
  author: string;
  at: number;
  expires: number | null;
}

/** A list that a payment can be put on, and the entry that it has there. */
export interface ListOfCase {
  list: string;
  field: string;
  label: string;
  value: string;
  outcome: Decision | null;
  entry: Entry | null;
}

export interface AuditEntry {
  seq: number;
  at: number;
  who: string;
  action: string;
  subject: string;
  detail: Record<string, string>;
}
