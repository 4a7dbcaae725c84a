"""Error rate and power of the promotion gate: `python -m benchmarks.promotion`.

Two models score a stream of payments; every day the gate compares them on the newest test days, as a daily
training makes it do: 30 comparisons, whose windows of 14 days overlap, so that they are not
independent. Equal models differ by noise alone: each has its own noise on payments, on cards, and on waves of
fraud. `fixed` compares the same candidate every day;
`fresh` another one every day, as a training makes it, each with its own noise. A better candidate has a
stronger signal; how much better in average precision is measured on a long stream, not assumed.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from benchmarks.pools import process_pool
from benchmarks.results import Section, conditions, save_section
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.gate import ComparedModel, PromotionDecision, decide
from fraud.evaluation.metrics import DAY_MS, average_precision, money_saved
from fraud.machine.ending import end_in_order
from fraud.training.dataset import Dataset

Floats = npt.NDArray[np.float64]
Candidates = Literal["fixed", "fresh"]

MONTH = 30
_REVIEW_COST = 500
_NO_IDENTITY = pa.table({})


@dataclass(frozen=True)
class PromotionScenario:
    """A stream and two models on it; noise is in units of the legitimate payments' spread.

    Attributes:
        name: in the table.
        candidates: the same one every day, or another one every day.
        gain: added to the signal of the candidate; 0 makes equal models.
        own: noise of each model on every payment.
        card: noise of each model on a card's frauds.
        wave: noise of each model on the frauds of a wave.
        wave_days: how long a wave lasts.
        frauds: a day, on average; about two on each card.
        payments: legitimate ones a day.
        window_days: of the test.
        every_days: from one comparison to the next.
    """

    name: str
    candidates: Candidates
    gain: float = 0.0
    own: float = 0.3
    card: float = 0.2
    wave: float = 0.15
    wave_days: int = 1
    frauds: int = 10
    payments: int = 80
    window_days: int = 14
    every_days: int = 1


EQUAL = (
    PromotionScenario("equal, the same candidate every day", "fixed"),
    PromotionScenario("equal, another every day", "fresh"),
    PromotionScenario("equal, another every day, no waves", "fresh", wave=0.0),
    PromotionScenario("equal, another every day, little alike", "fresh", own=0.7, card=0.5, wave=0.3),
    PromotionScenario("equal, another every day, 2 frauds a day", "fresh", frauds=2),
    PromotionScenario("equal, another every day, 7 test days", "fresh", window_days=7),
    PromotionScenario("equal, another every week", "fresh", every_days=7),
)
LONG_WAVES = (
    PromotionScenario("equal, the same candidate every day, waves of five days", "fixed", wave_days=5),
    PromotionScenario("equal, another every day, waves of five days", "fresh", wave_days=5),
)
BETTER = (
    PromotionScenario("better, 10 frauds a day", "fixed", gain=0.1),
    PromotionScenario("better, 10 frauds a day", "fixed", gain=0.2),
    PromotionScenario("better, 10 frauds a day", "fixed", gain=0.3),
    PromotionScenario("better, 10 frauds a day, compared every week", "fixed", gain=0.2, every_days=7),
    PromotionScenario("better, 40 frauds a day", "fixed", gain=0.1, frauds=40),
    PromotionScenario("better, 40 frauds a day", "fixed", gain=0.2, frauds=40),
)


@dataclass(frozen=True)
class SimulationOutcome:
    """What became of the months of a scenario.

    Attributes:
        gain: in average precision, measured on a long stream.
        first: day of the first promotion in each month, 1 to 30, or 0 where there was none.
    """

    scenario: PromotionScenario
    gain: float
    first: tuple[int, ...]

    def promoted_within(self, days: int) -> float:
        """The share of the months with a promotion by then."""
        return float(np.mean([0 < day <= days for day in self.first]))

    @property
    def upper(self) -> float:
        """The upper end of the 95 % interval (Clopper and Pearson, one-sided) of the monthly share."""
        hits, months = sum(day > 0 for day in self.first), len(self.first)
        return float(stats.beta.ppf(0.95, hits + 1, months - hits)) if hits < months else 1.0


class Stream:
    """Days of payments with the champion's scores and those of its candidates."""

    def __init__(
        self, scenario: PromotionScenario, days: int, candidates: int, random: np.random.Generator
    ) -> None:
        self._scenario, self._random = scenario, random
        self._counts = (random.poisson(scenario.frauds / 2, days) + 1, scenario.payments)
        frauds = [self._frauds(day) for day in range(days)]
        sizes = [len(cards) + scenario.payments for cards in frauds]
        self.days = np.repeat(np.arange(days), sizes)
        self.labels = np.concatenate([self._day_labels(cards) for cards in frauds])
        self.cards = np.concatenate([self._day_cards(cards) for cards in frauds])
        self.amounts = random.lognormal(8.0, 1.0, len(self.days)).astype(np.int64)
        self._base = random.normal(2.0 * self.labels, 1.0)
        self._of_fraud = np.flatnonzero(self.labels)
        self.scores = [self._score(scenario.gain if model else 0.0) for model in range(1 + candidates)]

    def window(self, last_day: int, candidate: int) -> tuple[Dataset, ComparedModel, ComparedModel]:
        """The test days up to `last_day`, and both models on them."""
        first, end = np.searchsorted(self.days, [last_day - self._scenario.window_days + 1, last_day + 1])
        part = slice(int(first), int(end))
        rows = Dataset(
            rows=np.empty((part.stop - part.start, 0), dtype=np.float32),
            labels=self.labels[part],
            timestamps=self.days[part] * DAY_MS,
            amounts=self.amounts[part],
            cards=self.cards[part],
            identity=_NO_IDENTITY,
            feature_names=(),
        )
        champion, other = (
            ComparedModel(name, self.scores[model][part], self._threshold)
            for name, model in (("champion", 0), ("candidate", 1 + candidate))
        )
        return rows, champion, other

    @property
    def _threshold(self) -> float:
        return 3.0

    def _frauds(self, day: int) -> npt.NDArray[np.int64]:
        """A card number for each fraud of a day; a card is robbed on one day only."""
        cards = self._counts[0][day]
        repeats = 1 + self._random.poisson(1.0, cards)
        return np.repeat(1_000_000 + day * 10_000 + np.arange(cards), repeats)

    def _day_labels(self, frauds: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        return np.concatenate([np.zeros(self._scenario.payments), np.ones(len(frauds))]).astype(np.int8)

    def _day_cards(self, frauds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.concatenate([self._random.integers(0, 5_000, self._scenario.payments), frauds])

    def _score(self, gain: float) -> Floats:
        made, how = self._base + self._random.normal(0, self._scenario.own, len(self._base)), self._scenario
        waves = self.days[self._of_fraud] // how.wave_days
        for spread, groups in ((how.card, self.cards[self._of_fraud]), (how.wave, waves)):
            distinct, inverse = np.unique(groups, return_inverse=True)
            made[self._of_fraud] += self._random.normal(0, spread, len(distinct))[inverse]
        made[self._of_fraud] += gain
        return made


def first_promotion(scenario: PromotionScenario, rules: PromotionRules, seed: int, draws: int) -> int:
    """The day of a month's first promotion, 1 to 30; 0 without any."""
    is_fresh, random = scenario.candidates == "fresh", np.random.default_rng(seed)
    days = scenario.window_days + MONTH - 1
    stream = Stream(scenario, days, MONTH if is_fresh else 1, random)
    asked = rules.with_new_days(scenario.every_days)
    for day in range(scenario.every_days - 1, MONTH, scenario.every_days):
        compared = stream.window(scenario.window_days - 1 + day, day if is_fresh else 0)
        if _may_be_better(*compared) and _decide(*compared, asked, draws, day).promote:
            return day + 1
    return 0


def _decide(
    rows: Dataset,
    champion: ComparedModel,
    candidate: ComparedModel,
    rules: PromotionRules,
    draws: int,
    seed: int,
) -> PromotionDecision:
    return decide(rows, champion, candidate, review_cost=_REVIEW_COST, rules=rules, draws=draws, seed=seed)


def _may_be_better(rows: Dataset, champion: ComparedModel, candidate: ComparedModel) -> bool:
    """Without a gain in one of the two figures no bootstrap can promote; asking it would only take time."""
    old, new = (
        (
            average_precision(rows.labels, one.scores),
            money_saved(rows, one.scores, one.threshold, _REVIEW_COST).sum(),
        )
        for one in (champion, candidate)
    )
    return new[0] > old[0] or new[1] > old[1]


def measured_gain(scenario: PromotionScenario) -> float:
    """How much better the candidate is in average precision, on a stream of 1,000 days."""
    stream = Stream(scenario, 1_000, 1, np.random.default_rng(1))
    champion, candidate = (average_precision(stream.labels, scores) for scores in stream.scores)
    return candidate - champion


def simulate(
    scenario: PromotionScenario, rules: PromotionRules, *, months: int, draws: int, seed: int = 0
) -> SimulationOutcome:
    """Many months of a scenario."""
    first = tuple(first_promotion(scenario, rules, seed + month, draws) for month in range(months))
    return SimulationOutcome(scenario, measured_gain(scenario), first)


def table(outcomes: Sequence[SimulationOutcome]) -> Iterator[str]:
    """The outcomes as Markdown."""
    yield "| models | gain in average precision | promoted within 1 day | 7 days | 30 days | surely below |"
    yield "|---|---|---|---|---|---|"
    for one in outcomes:
        shares = " | ".join(f"{one.promoted_within(days):.1%}" for days in (1, 7, MONTH))
        below = f"{one.upper:.1%}" if not one.scenario.gain else ""
        yield f"| {one.scenario.name} | {one.gain:+.3f} | {shares} | {below} |"


def main() -> None:
    """Simulate, print and save."""
    end_in_order()
    parser = argparse.ArgumentParser(description="How often the gate promotes equal and better models.")
    parser.add_argument("--months", type=int, default=100, help="of each scenario")
    parser.add_argument("--draws", type=int, default=80, help="of each bootstrap")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given, under = parser.parse_args(), conditions()
    # Alerts are not what is asked here: models of one kind raise about as many.
    rules = replace(PromotionRules(), alert_factor=10.0)
    outcomes = []
    with process_pool(given.jobs) as pool:
        run = partial(simulate, rules=rules, months=given.months, draws=given.draws)
        for outcome in pool.map(run, (*EQUAL, *LONG_WAVES, *BETTER)):
            outcomes.append(outcome)
            print(list(table(outcomes))[-1], flush=True)
    title = f"{given.months} months of daily comparisons: equal and better models at the gate"
    figures = {
        f"{one.scenario.name}, {one.gain:+.3f}": {
            "gain": one.gain,
            "month": one.promoted_within(MONTH),
            "below": one.upper,
        }
        for one in outcomes
    }
    save_section(Section("promotion", title, figures, list(table(outcomes))), under)


if __name__ == "__main__":
    main()
