"""The tables of the dashboard's database, the same for SQLite and PostgreSQL.

Opening a database creates the tables, columns and indexes that are missing (`database.migrations`): a new
column is nullable or has a `server_default`. Booleans are integers 0 and 1 in both, JSON is text.
"""

from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()

Int64 = BigInteger().with_variant(Integer(), "sqlite")
Float64: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
STRICT: dict[str, Any] = {"sqlite_strict": True}
"""Options of every table: SQLite refuses values of another type, as PostgreSQL does."""
ONE: ColumnElement[int] = literal_column("1")
"""A 1 that partial indexes are found by: no planner uses them for a bound value."""


def _boolean(name: str) -> "Column[int]":
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


payments = Table(
    "payments",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("card_id", Text, nullable=False),
    Column("merchant_id", Text),
    Column("amount", Int64, nullable=False),
    Column("currency", Text, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("country", Text),
    Column("latitude", Float64),
    Column("longitude", Float64),
    Column("score", Float64),
    Column("flagged", Integer),
    Column("fields", Text),
    Column("card_ref", Text, nullable=False, server_default=text("''")),
    _boolean("is_history"),
    UniqueConstraint("transaction_id", "card_id"),
    **STRICT,
)
"""`fields` has the values of all fields but the core ones, as JSON, without absent ones. `country` and the
coordinates have columns, too, since pages filter by them and draw them. `is_history`: published long after
its time, such as a replayed history; such alerts are no work for analysts."""
Index("payments_of_card_ref", payments.c.card_ref, payments.c.timestamp)

alerts = Table(
    "alerts",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("card_id", Text, nullable=False),
    Column("merchant_id", Text),
    Column("amount", Int64, nullable=False),
    Column("currency", Text, nullable=False),
    Column("timestamp", Int64, nullable=False),
    Column("country", Text),
    Column("latitude", Float64),
    Column("longitude", Float64),
    Column("score", Float64, nullable=False),
    Column("threshold", Float64, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("feature_version", Int64, nullable=False),
    Column("scored_at", Int64, nullable=False),
    Column("profile_date", Text),
    Column("reasons", Text, nullable=False),
    Column("challenger_version", Text),
    Column("challenger_score", Float64),
    Column("value", Float64, nullable=False),
    Column("at_risk", Float64, nullable=False),
    Column("fields", Text),
    Column("definitions", Text),
    Column("profile_moment", Int64),
    Column("profiles", Text),
    Column("decision", Text, nullable=False, server_default=text("'review'")),
    _boolean("is_sample"),
    Column("decided_by", Text),
    Column("rules", Text),
    Column("lists", Text),
    Column("policy", Text),
    Column("segment", Text),
    Column("features", Text),
    Column("contributions", Text),
    Column("card_ref", Text, nullable=False, server_default=text("''")),
    _boolean("is_history"),
    UniqueConstraint("transaction_id", "card_id"),
    **STRICT,
)
"""`decision` to `segment` are as in `Prediction`; `profiles` has the features of profiles of ids and
categories by name, `rules` and `lists` are arrays, NULL where there are none: all JSON."""
Index("alerts_by_risk", alerts.c.at_risk)
Index("alerts_by_decision", alerts.c.decision)
Index("alerts_of_merchant", alerts.c.merchant_id)
Index("alerts_of_country", alerts.c.country)
Index("alerts_of_card_ref", alerts.c.card_ref, alerts.c.timestamp)

labels = Table(
    "labels",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("card_id", Text, nullable=False),
    Column("is_fraud", Integer, nullable=False),
    Column("reported_at", Int64, nullable=False),
    Column("source", Text, nullable=False),
    Column("fraud_type", Text),
    Column("decides", Integer, nullable=False),
    **STRICT,
)
"""Reports: of each payment the one that decides by now, and those that wait for payment or time."""
DECIDES = labels.c.decides == ONE
Index("labels_of_payment", labels.c.transaction_id, labels.c.card_id)
Index("labels_decide", labels.c.transaction_id, labels.c.card_id, unique=True, **_where("decides = 1"))
Index("labels_wait", labels.c.reported_at, **_where("decides = 0"))
Index("labels_of_fraud_type", labels.c.fraud_type, **_where("fraud_type IS NOT NULL"))

refused = Table(
    "refused",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("messages", Int64, nullable=False),
    **STRICT,
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    **STRICT,
)

shadow_scores = Table(
    "shadow_scores",
    metadata,
    Column("model_version", Text, primary_key=True),
    Column("challenger_version", Text, primary_key=True),
    Column("flagged", Integer, primary_key=True),
    Column("bin", Integer, primary_key=True),
    Column("scored", Int64, nullable=False),
    Column("difference", Float64, nullable=False),
    sqlite_with_rowid=False,
    **STRICT,
)
"""`flagged` says whether the champion's score reaches its threshold, `bin` is that of the challenger's
score (`shadow.score_bin`)."""

merchants = Table(
    "merchants",
    metadata,
    Column("merchant_id", Text, primary_key=True),
    Column("date", Text, nullable=False),
    Column("profile", Text, nullable=False),
    **STRICT,
)

ticks = Table(
    "ticks",
    metadata,
    Column("begin", Int64, primary_key=True, autoincrement=False),
    Column("scored", Int64, nullable=False),
    Column("flagged", Int64, nullable=False),
    Column("late", Int64, nullable=False),
    Column("value", Float64, nullable=False),
    Column("scores", LargeBinary, nullable=False),
    Column("latencies", LargeBinary, nullable=False),
    **STRICT,
)

offsets = Table(
    "offsets",
    metadata,
    Column("cluster", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", Int64, nullable=False),
    **STRICT,
)

reviews = Table(
    "reviews",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("transaction_id", Text, nullable=False),
    Column("card_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("analyst", Text, nullable=False),
    Column("decided_at", Int64, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("leased_until", Int64, nullable=False, server_default=text("0")),
    Column("event_pending", Integer, nullable=False, server_default=text("1")),
    Column("event_leased_until", Int64, nullable=False, server_default=text("0")),
    **STRICT,
)
"""`pending`: the label is not on its topic yet; until `leased_until` (ms) one replica sends it. The same of
the event (`review_events.sender`)."""
Index("reviews_of_payment", reviews.c.transaction_id, reviews.c.card_id, reviews.c.seq)
Index("reviews_event_pend", reviews.c.seq, **_where("event_pending = 1"))
Index("reviews_pend", reviews.c.seq, **_where("pending = 1"))

audit = Table(
    "audit",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("at", Int64, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    **STRICT,
)
"""Append only: triggers refuse changes (`database.audit_triggers`)."""
Index("audit_of_person", audit.c.who, audit.c.seq)
Index("audit_of_action", audit.c.action, audit.c.seq)

audit_outbox = Table(
    "audit_outbox",
    metadata,
    Column("seq", Int64, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("leased_until", Int64, nullable=False, server_default=text("0")),
    **STRICT,
)
"""Lines of the audit that are not on its topic yet, which `audit` itself cannot say: no row of it changes."""

sessions = Table(
    "sessions",
    metadata,
    Column("token", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("expires_at", Int64, nullable=False),
    Column("role", Text),
    Column("seen_at", Int64, nullable=False, server_default=text("0")),
    **STRICT,
)
"""`seen_at` (ms) is when its user last did something, to the minute; `expires_at` is its end in any case."""
Index("sessions_of_user", sessions.c.user)

login_failures = Table(
    "login_failures",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Int64, nullable=False),
    Column("locked_until", Int64, nullable=False),
    **STRICT,
)
"""Of names, as hashes, and of addresses (`auth.lockouts`)."""

oidc_names = Table(
    "oidc_names",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("since", Int64, nullable=False),
    **STRICT,
)
"""The name that a person of an issuer has here, from the first login on (`auth.oidc_names`)."""

events = Table(
    "events",
    metadata,
    Column("seq", Int64, primary_key=True),
    Column("at", Int64, nullable=False),
    Column("replica", Text, nullable=False),
    Column("event", LargeBinary, nullable=False),
    **STRICT,
)
"""Of one replica for the open pages of the others, kept for a minute (`database.relay`)."""
Index("events_at", events.c.at)

pending_logins = Table(
    "pending_logins",
    metadata,
    Column("state", Text, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("redirect_url", Text, nullable=False),
    Column("browser_hash", Text, nullable=False),
    Column("expires_at", Int64, nullable=False),
    **STRICT,
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
    _boolean("must_change"),
    **STRICT,
)
"""Of dashboards on PostgreSQL, as hashes; beside a file, the users are in a file, too."""

forgotten_cards = Table(
    "forgotten_cards",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("until", Int64),
    **STRICT,
)
"""Of cards that the recorder leaves out, by `fraud.privacy.forgotten.card_digest`, until a moment (ms); NULL:
indefinitely."""
