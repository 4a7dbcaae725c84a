"""What settings of Kafka's clients decide: latency with one of them changed, engines in turns."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.results import Section
from benchmarks.serving.harness.testbed import Testbed, print_progress, testbed
from benchmarks.serving.latency import Latency, measure, medians_of, warm_engine
from fraud.settings import Settings

RATE = 2_000


@dataclass(frozen=True)
class Change:
    """One setting of serving that is not as it is by default."""

    delivery: str
    name: str
    value: float

    @property
    def text(self) -> str:
        """In the table."""
        return f"`{self.name}={self.value:g}`" if self.name else "as they are"


_AT_LEAST, _EXACTLY = "at_least_once", "exactly_once"
_USUAL = {"commit_interval_s": 0.02}
CHANGES = (
    Change(_AT_LEAST, "", 0),
    Change(_AT_LEAST, "fetch_wait_s", 0.001),
    Change(_AT_LEAST, "fetch_wait_s", 0.02),
    Change(_AT_LEAST, "fetch_min_bytes", 1),
    Change(_AT_LEAST, "commit_interval_s", 0.1),
    Change(_EXACTLY, "", 0),
    Change(_EXACTLY, "fetch_wait_s", 0.001),
    Change(_EXACTLY, "fetch_min_bytes", 1),
    Change(_EXACTLY, "commit_interval_s", 0.01),
    Change(_EXACTLY, "commit_interval_s", 0.1),
)


def run(seconds: float, turns: int, warm_up_s: float) -> Section:
    """Each change of both delivery modes, for `seconds` in each of the turns."""
    rows: list[dict[str, Any]] = []
    with testbed() as bed:
        for delivery in (_AT_LEAST, _EXACTLY):
            changes = [change for change in CHANGES if change.delivery == delivery]
            with _engines(bed, changes) as engines:
                for settings in engines:
                    measure(settings, RATE, warm_up_s)
                for change, found in zip(changes, _in_turns(engines, seconds, turns), strict=True):
                    rows.append(asdict(change) | {"text": change.text} | medians_of(found))
                    print_progress(f"settings: {rows[-1]}")
    figures = {"rate": RATE, "seconds": seconds, "turns": turns, "rows": rows}
    return Section("settings", "What settings of Kafka's clients decide", figures, list(_table(figures)))


@contextmanager
def _engines(bed: Testbed, changes: list[Change]) -> Iterator[list[Settings]]:
    with ExitStack() as stack:
        made = []
        for number, change in enumerate(changes):
            changed = {change.name: change.value} if change.name else {}
            serving: dict[str, Any] = {"delivery": change.delivery} | _USUAL | changed
            made.append(bed.settings(f"{change.delivery}-{number}", **serving))
            stack.enter_context(warm_engine(made[-1]))
        yield made


def _in_turns(engines: list[Settings], seconds: float, turns: int) -> list[list[Latency]]:
    """Of each engine its turns; each turn begins with another engine."""
    found: list[list[Latency]] = [[] for _ in engines]
    for turn in range(turns):
        for step in range(len(engines)):
            number = (turn + step) % len(engines)
            found[number].append(measure(engines[number], RATE, seconds))
    return found


def _table(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"The engine at {figures['rate']:,}/s, commits every {_USUAL['commit_interval_s'] * 1_000:.0f} ms "
        f"where nothing else is said; ms, medians of {figures['turns']} turns of {figures['seconds']:.0f} s, "
        "all engines of a delivery mode in turn."
    )
    yield ""
    yield "| delivery | `FRAUD_SERVING__` | p50 | p99 | from | to | p99.9 |"
    yield "|---|---|---|---|---|---|---|"
    for row in figures["rows"]:
        numbers = " | ".join(f"{row[key]:.1f}" for key in ("p50", "p99", "p99_from", "p99_to", "p999"))
        yield f"| {row['delivery'].replace('_', ' ')} | {row['text']} | {numbers} |"
