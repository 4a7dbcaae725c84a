"""Triggers that keep the table `audit` append-only."""

from sqlalchemy import DDL, event

from serving.dashboard.feed.tables import audit

_ABORT = "BEGIN SELECT RAISE(ABORT, 'append only'); END"
_ON_SQLITE = (
    f"CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit {_ABORT}",
    f"CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit {_ABORT}",
)
_ON_POSTGRESQL = (
    "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'append only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
    "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
)


def register() -> None:
    """Create the triggers with the table."""
    for dialect, statements in (("sqlite", _ON_SQLITE), ("postgresql", _ON_POSTGRESQL)):
        for statement in statements:
            event.listen(audit, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]
