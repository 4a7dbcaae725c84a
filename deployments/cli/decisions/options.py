"""What the commands of policies and lists share: who does it, and until when."""

import getpass
import re
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from fraud.errors import ConfigurationError
from fraud.machine.terminal import shown

As = Annotated[
    str | None, typer.Option("--as", help="Who does it, for the audit; default: this system's user.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines to read.")]

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")


def person(name: str | None) -> str:
    """The name that is given, or the system's user.

    Raises:
        ConfigurationError: neither is a name.
    """
    try:
        found = getpass.getuser() if name is None else name
    except (OSError, KeyError):
        found = ""
    if not found.strip() or found != found.strip() or not found.isprintable() or len(found) > 64:
        raise ConfigurationError(f"{found!r} is no name of a person; say who does it with --as NAME")
    return found


def expiry(duration: str | None, until: str | None, now: int) -> int | None:
    """The moment (ms) from which on an entry does not count; None: it stays.

    Raises:
        ConfigurationError: it is no duration or date, is in the past, or both are given.
    """
    from fraud.decisions.checks.content_check import expiry_of

    if duration is not None and until is not None:
        raise ConfigurationError("--for and --until both say how long it stays; give one of them")
    if duration is not None:
        found = _DURATION.fullmatch(duration)
        if found is None:
            raise ConfigurationError(f"--for {duration!r} is no duration; write 30d, 12h or 90m")
        return now + int(found[1]) * _SECONDS[found[2]] * 1_000
    moment = None if until is None else expiry_of(until)
    if until is not None and moment is None:
        raise ConfigurationError(f"--until {until!r} is no date; write 2026-12-31 or 2026-12-31T18:00Z")
    if moment is not None and moment <= now:
        raise ConfigurationError(f"--until {until} is over already")
    return moment


def for_output(text: str) -> str:
    """Text of others: whole for a file or a pipe, on a terminal without what commands it or turns lines."""
    return "\n".join(map(shown, text.split("\n"))) if sys.stdout.isatty() else text


def now_ms() -> int:
    """The clock, in ms."""
    return time.time_ns() // 1_000_000


def moment_iso(time_ms: int) -> str:
    """A moment in ms as files have it, to the minute and rounded up: `2026-12-31T18:00Z`."""
    return datetime.fromtimestamp(-(-time_ms // 60_000) * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
