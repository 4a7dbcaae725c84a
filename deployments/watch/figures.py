"""What the workers' metrics say: a reading of all of them, and what happened between two."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
import numpy.typing as npt
from prometheus_client.parser import text_string_to_metric_families

from fraud.decisions.outcomes import OUTCOMES, Outcome
from fraud.errors import ConfigurationError

_TIMEOUT_S = 2.0
_SILENT = "does not answer"

Labels = tuple[tuple[str, str], ...]
Buckets = dict[float, float]
"""How many values were at most each bound."""


@dataclass
class MetricsReading:
    """The workers' figures added up, at a moment (monotonic seconds).

    Attributes:
        values: by name and labels, as Prometheus has them.
        states: what each worker says of itself, and whether it is ready.
    """

    moment: float
    values: dict[tuple[str, Labels], float] = field(default_factory=dict)
    states: list[tuple[str, bool, str]] = field(default_factory=list)

    def total(self, name: str, **labels: str) -> float:
        """The sum over all series of that name with those labels."""
        return sum(value for has, value in self._series(name) if labels.items() <= has.items())

    def labelled(self, name: str, label: str, **labels: str) -> list[str]:
        """The different values of a label, of the series with those labels that are not zero."""
        series = self._series(name)
        return sorted({has[label] for has, value in series if value and labels.items() <= has.items()})

    def buckets(self, name: str) -> Buckets:
        """A histogram's cumulative counts by upper bound."""
        found: Buckets = {}
        for has, value in self._series(f"{name}_bucket"):
            bound = float(has["le"])
            found[bound] = found.get(bound, 0.0) + value
        return dict(sorted(found.items()))

    def _series(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        return ((dict(has), value) for (found, has), value in self.values.items() if found == name)


@dataclass(frozen=True)
class MetricsRates:
    """What happened between two readings.

    Attributes:
        rate: predictions a second.
        outcome_shares: of them, by outcome; NaN without any.
        p50: seconds from Kafka's timestamp to the committed prediction; NaN without any.
        p99: likewise.
        scores: share of the predictions in each twentieth of the scores, shape (20,).
    """

    rate: float
    outcome_shares: Mapping[Outcome, float]
    p50: float
    p99: float
    scores: npt.NDArray[np.float64]


def worker_addresses(home: Path, given: Sequence[str]) -> list[str]:
    """Where the workers answer: as given, or as those of this machine have written it down.

    Raises:
        ConfigurationError: there is none.
    """
    if given:
        return [url.rstrip("/") for url in given]
    files = sorted((home / "serving").glob("worker-*.json"))
    if not files:
        raise ConfigurationError(
            f"no worker has written its address to {home / 'serving'}; start `python flows/serve.py`, or "
            "name a worker's address with --url"
        )
    return [str(json.loads(file.read_text())["url"]) for file in files]


def read(addresses: Iterable[str], moment: float) -> MetricsReading:
    """Ask every worker; one that does not answer is reported as such."""
    reading = MetricsReading(moment)
    for url in addresses:
        reading.states.append((url, *worker_status(url)))
        try:
            metrics = _ask(f"{url}/metrics")
        except (URLError, OSError):
            reading.states[-1] = (url, False, _SILENT)
            continue
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                reading.values[key] = reading.values.get(key, 0.0) + sample.value
    return reading


def worker_status(url: str) -> tuple[bool, str]:
    """Whether a worker is ready, and what it says of itself."""
    try:
        return True, str(json.loads(_ask(f"{url}/ready"))["status"])
    except HTTPError as error:
        return False, str(json.loads(error.read())["status"])
    except (URLError, OSError):
        return False, _SILENT


def rates(before: MetricsReading, after: MetricsReading) -> MetricsRates:
    """Rates and distributions between two readings; a restarted worker counts from zero."""
    seconds = max(after.moment - before.moment, 1e-9)
    predictions = _grown(before, after, "fraud_predictions_total")
    outcomes = {
        outcome: _grown(before, after, "fraud_predictions_total", decision=outcome) for outcome in OUTCOMES
    }
    latency = _grown_buckets(before, after, "fraud_end_to_end_seconds")
    scores = np.diff([0.0, *_grown_buckets(before, after, "fraud_score").values()])[:20]
    return MetricsRates(
        rate=predictions / seconds,
        outcome_shares={
            outcome: made / predictions if predictions else math.nan for outcome, made in outcomes.items()
        },
        p50=quantile(latency, 0.5),
        p99=quantile(latency, 0.99),
        scores=scores / scores.sum() if scores.sum() else np.zeros(20),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float:
    """As Prometheus estimates it: linear within the bucket; NaN when nothing was counted."""
    bounds, counts = list(buckets), list(buckets.values())
    if not counts or not counts[-1]:
        return float("nan")
    place = int(np.searchsorted(counts, share * counts[-1]))
    if not np.isfinite(bounds[place]):
        return bounds[place - 1]
    low, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return low + (bounds[place] - low) * (share * counts[-1] - below) / (counts[place] - below)


def _grown(before: MetricsReading, after: MetricsReading, name: str, **labels: str) -> float:
    now = after.total(name, **labels)
    grown = now - before.total(name, **labels)
    return grown if grown >= 0 else now


def _grown_buckets(before: MetricsReading, after: MetricsReading, name: str) -> Buckets:
    earlier, now = before.buckets(name), after.buckets(name)
    grown = {bound: value - earlier.get(bound, 0.0) for bound, value in now.items()}
    return now if any(value < 0 for value in grown.values()) else grown


def _ask(url: str) -> str:
    with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        return str(answer.read().decode())
