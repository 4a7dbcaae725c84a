"""Turns of several variants, and their medians as a table with ratios."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

BARS = {"v1": 0.97, "undeclared": 0.8, "wide": 0.4}
"""The least ratio of rates to those of the other checkout."""

BASE = "v1"
AGAINST = "against"


@dataclass(frozen=True)
class Run:
    """One turn of a variant."""

    count: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Of the clock."""
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of one, µs."""
        return self.cpu_s / self.count * 1e6


def rate_table(runs: Mapping[str, Sequence[Run]], titles: Mapping[str, str], unit: str) -> Iterator[str]:
    """A row for each variant: medians, range, ratios to this code's v1 and to the other checkout.

    A ratio is the median of those of the turns: what disturbs the machine disturbs neighbours alike.
    """
    yield f"| | {unit}/s | from | to | CPU µs | of this v1 | of the other checkout | bar |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, turns in runs.items():
        rates = [turn.per_s for turn in turns]
        cpu_us = median(turn.cpu_us for turn in turns)
        yield (
            f"| {titles[name]} | {median(rates):,.0f} | {min(rates):,.0f} | {max(rates):,.0f} "
            f"| {cpu_us:.2f} | {_ratio(runs, name, BASE)} | {_ratio(runs, name, AGAINST)} "
            f"| {BARS.get(name, '')} |"
        )


def ratios(runs: Mapping[str, Sequence[Run]], base: str) -> dict[str, float]:
    """Of each variant, the median over the turns of its rate by that of `base`; empty without `base`."""
    if base not in runs:
        return {}
    return {
        name: median(one.per_s / other.per_s for one, other in zip(turns, runs[base], strict=True))
        for name, turns in runs.items()
    }


def _ratio(runs: Mapping[str, Sequence[Run]], name: str, base: str) -> str:
    found = ratios(runs, base)
    return f"{found[name]:.3f}" if found else ""
