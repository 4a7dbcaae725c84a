"""Triggers that keep the table `audit` append-only."""

from sqlalchemy import DDL, Connection, event

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


def suspend(connection: Connection) -> None:
    """Allow changes of the audit until `resume`, in this transaction alone: other writers wait for its end.

    On PostgreSQL the user must own the table, as the one who created it does.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        return
    for name in ("audit_is_not_changed", "audit_is_not_deleted"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")


def resume(connection: Connection) -> None:
    """Refuse changes of the audit again."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit ENABLE TRIGGER USER")
        return
    for statement in _ON_SQLITE:
        connection.exec_driver_sql(statement)
