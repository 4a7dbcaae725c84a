"""This moment, and which times of messages are ahead of it."""

import time
from datetime import UTC, date, datetime, timedelta


def now_ms() -> int:
    """This moment, UTC ms."""
    return time.time_ns() // 1_000_000


def newest_date() -> date:
    """The latest day that a profile can be of: tomorrow in UTC, as clocks differ."""
    return datetime.now(UTC).date() + timedelta(days=1)
