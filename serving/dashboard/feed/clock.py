"""The current time, and the latest day that a profile may have."""

import time
from datetime import UTC, date, datetime, timedelta


def now_ms() -> int:
    """The current time, UTC ms."""
    return time.time_ns() // 1_000_000


def latest_profile_date() -> date:
    """The latest day that a profile can be of: tomorrow in UTC, as clocks differ."""
    return datetime.now(UTC).date() + timedelta(days=1)
