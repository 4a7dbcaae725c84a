"""Labels of simulated payments: delayed, incomplete, and partly wrong."""

from dataclasses import dataclass

import numpy as np

from producer.scenario import Analysts, Labels, SimulationScenario
from producer.simulator.draws import DAY_MS, HOUR_MS, Bools, Floats, Ints, around_one

SOURCES = np.array(["chargeback", "customer", "analyst"], dtype=object)
_CHARGEBACK, _CUSTOMER, _ANALYST = range(3)
_BY_CUSTOMER = 0.25
_CORRECTION_DAYS = 14.0


@dataclass(frozen=True)
class SimulatedReports:
    """Reports as columns; `row` is the position of the transaction in its day."""

    row: Ints
    is_fraud: Bools
    reported_at: Ints
    source: Ints

    @staticmethod
    def concat(parts: list["SimulatedReports"]) -> "SimulatedReports":
        """All parts, in the order in which they are reported."""
        merged = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("row", "is_fraud", "reported_at", "source")
        ]
        order = np.argsort(merged[2], kind="stable")
        return SimulatedReports(*(column[order] for column in merged))


def simulate_reports(
    scenario: SimulationScenario, random: np.random.Generator, fraud: Bools, time: Ints, amount: Floats
) -> SimulatedReports:
    """All reports that transactions will get."""
    claims = _claims(scenario.labels, random, fraud, time)
    disputes = _wrong_disputes(scenario.labels, random, fraud, time, len(claims.row))
    return SimulatedReports.concat(
        [claims, *disputes, _reviews(scenario.analysts, random, fraud, time, amount)]
    )


def _claims(labels: Labels, random: np.random.Generator, fraud: Bools, time: Ints) -> SimulatedReports:
    rows = np.flatnonzero(fraud)
    rows = rows[random.random(len(rows)) >= labels.never]
    return _delayed_reports(labels, random, rows, time)


def _wrong_disputes(
    labels: Labels, random: np.random.Generator, fraud: Bools, time: Ints, claims: int
) -> list[SimulatedReports]:
    """Legitimate payments that somebody disputes; some are corrected later."""
    legitimate = np.flatnonzero(~fraud)
    expected = claims * labels.wrong / max(1.0 - labels.wrong, 1e-9)
    count = min(int(random.poisson(expected)), len(legitimate))
    rows = np.sort(random.choice(legitimate, count, replace=False))
    disputes = _delayed_reports(labels, random, rows, time)
    corrected = random.random(count) < labels.corrected
    later = random.exponential(_CORRECTION_DAYS * DAY_MS, count).astype(np.int64) + DAY_MS
    corrections = SimulatedReports(
        rows[corrected],
        np.zeros(int(corrected.sum()), np.bool_),
        (disputes.reported_at + later)[corrected],
        # By the source that was wrong: no other one revises it.
        disputes.source[corrected],
    )
    return [disputes, corrections]


def _delayed_reports(labels: Labels, random: np.random.Generator, rows: Ints, time: Ints) -> SimulatedReports:
    delay = around_one(random, labels.median_days * DAY_MS, labels.tail, len(rows)).astype(np.int64)
    source = np.where(random.random(len(rows)) < _BY_CUSTOMER, _CUSTOMER, _CHARGEBACK)
    return SimulatedReports(rows, np.ones(len(rows), np.bool_), time[rows] + delay, source)


def _reviews(
    analysts: Analysts, random: np.random.Generator, fraud: Bools, time: Ints, amount: Floats
) -> SimulatedReports:
    """Analysts look at frauds they have a hint of, and at large payments that turn out well."""
    count = int(random.poisson(analysts.reviews * len(time) / 10_000))
    bad, good = np.flatnonzero(fraud), np.flatnonzero(~fraud)
    found = random.choice(bad, min(int(random.binomial(count, analysts.found)), len(bad)), replace=False)
    others = min(count - len(found), len(good))
    weight = amount[good] / amount[good].sum() if len(good) else None
    rows = np.concatenate([found, random.choice(good, others, replace=False, p=weight)])
    right = random.random(len(rows)) < analysts.accuracy
    delay = around_one(random, analysts.median_hours * HOUR_MS, 0.7, len(rows)).astype(np.int64)
    return SimulatedReports(rows, fraud[rows] == right, time[rows] + delay, np.full(len(rows), _ANALYST))
