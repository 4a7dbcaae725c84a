"""The audit by pages: newest first, from a cursor on, of a person or an action, without views if wanted."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from serving.dashboard.feed.tables import audit
from serving.dashboard.records.views import VIEWS


@dataclass(frozen=True)
class AuditFilter:
    """Which lines; None does not restrict. `before` is the `seq` of the last line of the page before.

    Views are many, and could hide what was changed: without `with_views` they are left out.
    """

    who: str | None = None
    action: str | None = None
    before: int | None = None
    with_views: bool = True


def audit_lines(wanted: AuditFilter) -> Select[Any]:
    """The lines that pass, newest first."""
    offered = [(audit.c.who, wanted.who), (audit.c.action, wanted.action)]
    chosen: list[ColumnElement[bool]] = [column == value for column, value in offered if value is not None]
    if not wanted.with_views and wanted.action is None:
        chosen.append(audit.c.action.not_in(VIEWS))
    if wanted.before is not None:
        chosen.append(audit.c.seq < wanted.before)
    return select(audit).where(*chosen).order_by(audit.c.seq.desc())


def read_audit_page(connection: Connection, wanted: AuditFilter, limit: int) -> dict[str, Any]:
    """A page of lines, whether older ones follow, and the people and actions to filter by."""
    rows = connection.execute(audit_lines(wanted).limit(limit + 1)).mappings().all()
    return {
        "entries": [dict(row) | {"detail": json.loads(row["detail"])} for row in rows[:limit]],
        "more": len(rows) > limit,
        "people": _distinct(connection, audit.c.who),
        "actions": _distinct(connection, audit.c.action),
    }


def _distinct(connection: Connection, column: Any) -> list[str]:
    return [str(one) for one in connection.scalars(select(column).distinct().order_by(column))]
