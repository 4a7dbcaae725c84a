"""The texts of the report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import FeatureKind
from fraud.evaluation.backtest.summary import CANDIDATES, Summary
from fraud.evaluation.backtest.walk import FoldResult
from fraud.money.texts import sum_text
from fraud.schema import minor_digits

_Z95 = 1.96

GLOSSARY = (
    (
        "Average precision",
        "The area under the precision-recall curve: precision averaged over all recalls. Guessing reaches "
        "the share of fraud, a perfect ranking 1.",
    ),
    (
        "AUC",
        "The chance that a random fraud is ranked above a random legitimate payment. With one fraud among "
        "hundreds of payments it looks good early; compare by average precision.",
    ),
    (
        "Card precision@k",
        "Each day the k cards with the highest score are reviewed: the share that is fraudulent that day, "
        "averaged over days. A card found on a day is left out of later ones. When fewer than k cards "
        "are fraudulent on a day even a perfect ranking stays below 1.",
    ),
    (
        "Precision and recall",
        "At the threshold: the share of alerts that are fraud, and the share of frauds that raise an alert.",
    ),
    (
        "Recall at a precision",
        "The most recall that any threshold of the test period would have had at that precision: what the "
        "ranking is good for, whatever threshold was chosen.",
    ),
    (
        "Money saved",
        "The amounts of the frauds that were flagged, less the cost of reviewing every alert.",
    ),
    (
        "Calibration",
        "Among payments scored 0.2 a fifth should be fraud. Points on the dashed line are well calibrated.",
    ),
    (
        "Brackets",
        "95% confidence intervals by bootstrap: cards are drawn whole, for card precision days are.",
    ),
    (
        "What was known",
        "Each fold is trained on its training period with the labels that were reported before its test "
        "started; payments too young for their chargeback to have arrived are left out. Features of a "
        "payment use only what was known then; merchants' fraud rates what was reported before that day.",
    ),
)


@dataclass(frozen=True)
class HeadlineCard:
    """One headline figure."""

    name: str
    value: str
    beside: str
    note: str


@dataclass(frozen=True)
class Money:
    """Shows minor units; of several currencies, bare."""

    currency: str
    digits: int

    @classmethod
    def of(cls, results: Sequence[FoldResult]) -> "Money":
        """In the currency of the tested rows."""
        currencies = {one.test.amount_currency for one in results}
        only = currencies.pop() if len(currencies) == 1 else ""
        return cls(only, minor_digits(only))

    def show(self, minor: float) -> str:
        """An amount, with its currency."""
        return sum_text(minor, self.currency)


def headline_cards(summary: Summary, money: Money) -> list[HeadlineCard]:
    """The four headline figures."""
    model, k = next(iter(summary["mean"])), summary["plan"]["k"]
    folds = [fold[CANDIDATES][model] for fold in summary["folds"]]
    others = [name for name in summary["mean"] if name != model]
    best = max(others, key=lambda name: summary["mean"][name]["average_precision"]["mean"] or 0)
    precision, recall = _mean(folds, "precision"), _mean(folds, "recall")
    alerts = sum(fold["alerts_per_day"] for fold in folds) / len(folds)
    saved, lost = (
        sum(fold["money_saved"]["value"] for fold in folds),
        sum(fold["fraud_amount"] for fold in folds),
    )
    return [
        HeadlineCard(
            "Average precision",
            f"{_mean(folds, 'average_precision'):.3f}",
            _interval(folds, "average_precision"),
            f"best baseline: {summary['mean'][best]['average_precision']['mean']:.3f} ({best})",
        ),
        HeadlineCard(
            f"Card precision@{k}",
            f"{_mean(folds, 'card_precision_at_k'):.3f}",
            _interval(folds, "card_precision_at_k"),
            f"of {k} cards reviewed each day {_mean(folds, 'card_precision_at_k') * k:.1f} are fraudulent",
        ),
        HeadlineCard(
            "Recall at the threshold",
            f"{recall:.0%}",
            _interval(folds, "recall", percent=True),
            f"at a precision of {precision:.0%}, {alerts:,.1f} alerts a day",
        ),
        HeadlineCard(
            "Money saved",
            f"{saved / max(lost, 1):.0%}",
            "of the fraud",
            f"{money.show(saved)} of {money.show(lost)}, the reviews paid",
        ),
    ]


def describe_feature(definitions: Definitions, name: str, value: float, money: Money) -> str:
    """A feature and its value, as an analyst reads them."""
    feature = definitions.feature_by_name.get(name)
    is_amount = feature is not None and feature.kind in (FeatureKind.AMOUNT, FeatureKind.SIGNED_AMOUNT)
    return f"{definitions.feature_text(name)}: {money.show(value) if is_amount else f'{value:,.4g}'}"


def with_deviation(mean: float | None, deviation: float | None) -> str:
    """A mean over folds with its standard deviation."""
    if mean is None:
        return "-"
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def date_of(moment: int) -> str:
    """The date (UTC) of a moment in ms."""
    return datetime.fromtimestamp(moment / 1_000, UTC).date().isoformat()


def _mean(folds: list[Summary], figure: str) -> float:
    return float(sum(fold[figure]["value"] for fold in folds) / len(folds))


def _interval(folds: list[Summary], figure: str, *, percent: bool = False) -> str:
    """The 95% interval of the mean over folds, from the folds' own."""
    errors = [(fold[figure]["high"] - fold[figure]["low"]) / 2 / _Z95 for fold in folds]
    if len(folds) == 1:
        low, high = folds[0][figure]["low"], folds[0][figure]["high"]
    else:
        half = _Z95 * math.sqrt(sum(error**2 for error in errors)) / len(folds)
        low, high = max(_mean(folds, figure) - half, 0), min(_mean(folds, figure) + half, 1)
    return f"{low:.0%} to {high:.0%}" if percent else f"{low:.3f} to {high:.3f}"
