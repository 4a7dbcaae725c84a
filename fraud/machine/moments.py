"""Times as people read them in a terminal: in the zone of TZ, else this machine's, which they name."""

from datetime import UTC, datetime


def moment_text(time_ms: int) -> str:
    """`2026-11-29 14:05:10 CET` of a time in ms."""
    local = _local(time_ms)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def minute_text(time_ms: int) -> str:
    """`2026-11-29 14:05 CET`."""
    local = _local(time_ms)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def clock_text(time_ms: int) -> str:
    """`14:05:10`; what shows it names its zone once (`zone_name`)."""
    return f"{_local(time_ms):%H:%M:%S}"


def zone_name(time_ms: int | None = None) -> str:
    """`UTC`, `CET`: of the zone at a time in ms, now by default."""
    moment = datetime.now(UTC).astimezone() if time_ms is None else _local(time_ms)
    return moment.tzname() or "UTC"


def _local(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).astimezone()
