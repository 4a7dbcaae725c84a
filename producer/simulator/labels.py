"""Labels of simulated payments: delayed, incomplete, and partly wrong."""

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from producer.scenario import Analysts, BlockSettings, Labels, SimulationScenario
from producer.simulator.draws import DAY_MS, HOUR_MS, MINUTE_MS, Bools, Floats, Ints, around_one

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


@dataclass(frozen=True)
class FraudReports:
    """What becomes known of each fraud, by fraud; times in ms, `NEVER` for what does not happen.

    Attributes:
        claimed_at: when it is claimed.
        source: by whom, by index in `SOURCES`.
        reviewed_at: when an analyst has reviewed it.
        found: whether that analyst says that it is fraud.
        replaced_days: how long after its report the new card takes, if its report blocks the card.
    """

    NEVER: ClassVar[int] = 1 << 42

    claimed_at: Ints
    source: Ints
    reviewed_at: Ints
    found: Bools
    replaced_days: Ints

    @classmethod
    def none(cls, count: int) -> "FraudReports":
        """Of as many frauds of which nothing becomes known."""
        never, zero = np.full(count, cls.NEVER), np.zeros(count, np.int64)
        return cls(never, zero, never, np.zeros(count, np.bool_), zero)

    def first(self) -> Ints:
        """When each is first reported as fraud."""
        return np.minimum(self.claimed_at, np.where(self.found, self.reviewed_at, self.NEVER))

    def select(self, chosen: Bools | Ints) -> "FraudReports":
        """Those at the positions or for which the mask is true."""
        return FraudReports(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @staticmethod
    def concat(parts: list["FraudReports"]) -> "FraudReports":
        """All parts, one after another."""
        names = [field.name for field in fields(FraudReports)]
        return FraudReports(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def of_rows(self, row: Ints) -> list[SimulatedReports]:
        """The claims and the reviews, where the frauds are at these rows."""
        claimed, reviewed = self.claimed_at < self.NEVER, self.reviewed_at < self.NEVER
        claims = SimulatedReports(
            row[claimed],
            np.ones(int(claimed.sum()), np.bool_),
            self.claimed_at[claimed],
            self.source[claimed],
        )
        analyst = np.full(int(reviewed.sum()), _ANALYST)
        return [
            claims,
            SimulatedReports(row[reviewed], self.found[reviewed], self.reviewed_at[reviewed], analyst),
        ]


def report_frauds(
    scenario: SimulationScenario,
    blocks: BlockSettings,
    random: np.random.Generator,
    time: Ints,
    declined: Bools,
    fraud_share: float,
) -> FraudReports:
    """What becomes known of frauds, whatever else is paid: after some declines, the holder is asked.

    Args:
        scenario: its labels and analysts.
        blocks: how the issuer asks, and when new cards are there.
        random: of these frauds alone.
        time: of each, in ms.
        declined: which the issuer declined.
        fraud_share: how many of all payments are fraud, which says how many of them analysts review.
    """
    count, labels, analysts = len(time), scenario.labels, scenario.analysts
    claims = _delayed_reports(labels, random, np.arange(count), time)
    never = random.random(count) < labels.never
    answer = around_one(random, blocks.median_minutes * MINUTE_MS, 1.0, count).astype(np.int64) + MINUTE_MS
    asked = declined & (random.random(count) < blocks.asked)
    claimed_at = np.where(never, FraudReports.NEVER, claims.reported_at)
    answered_at = np.where(asked, time + answer, FraudReports.NEVER)
    chance = min(analysts.reviews / 10_000 * analysts.found / fraud_share, 1.0)
    delay = around_one(random, analysts.median_hours * HOUR_MS, 0.7, count).astype(np.int64)
    return FraudReports(
        claimed_at=np.minimum(claimed_at, answered_at),
        source=np.where(answered_at < claimed_at, _CUSTOMER, claims.source),
        reviewed_at=np.where(random.random(count) < chance, time + delay, FraudReports.NEVER),
        found=random.random(count) < analysts.accuracy,
        replaced_days=random.poisson(blocks.replaced_days, count),
    )


def with_known_reports(
    scenario: SimulationScenario,
    random: np.random.Generator,
    known: FraudReports,
    row: Ints,
    time: Ints,
    amount: Floats,
) -> SimulatedReports:
    """The reports of a day's transactions; those of the frauds, which are at the rows, are known already."""
    fraud = np.zeros(len(time), np.bool_)
    fraud[row] = True
    reports = known.of_rows(row)
    disputes = _wrong_disputes(scenario.labels, random, fraud, time, len(reports[0].row))
    analysts = scenario.analysts
    others = analysts.model_copy(update={"reviews": analysts.reviews * (1 - analysts.found), "found": 0.0})
    return SimulatedReports.concat([*reports, *disputes, _reviews(others, random, fraud, time, amount)])


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
