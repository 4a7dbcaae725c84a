"""The event that other systems read."""

from typing import Any, Literal

import msgspec


class AuditEvent(msgspec.Struct, frozen=True):
    """A line of the audit; a repetition has the same `id`. `at` is in ms UTC.

    `number` is that of the line in the dashboard's database.
    """

    id: str
    number: int
    at: int
    who: str
    action: str
    subject: str
    detail: dict[str, Any]
    source: Literal["dashboard"] = "dashboard"
