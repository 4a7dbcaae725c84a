"""Data contracts: what rows must satisfy before a model is trained on them.

Every contract is one vectorised check. A breach names its transactions; nothing is repaired silently.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraud.definitions.definitions import Definitions
from fraud.errors import DataError
from fraud.evaluation.metrics import average_precision
from fraud.training.contracts.bounds import bounds
from fraud.training.contracts.repeated_ids import repeated_ids
from fraud.training.dataset import Dataset
from fraud.training.splits import TimeRange

HIGHEST_FRAUD_RATE = 0.5
"""A higher fraud rate means that the labels are probably inverted."""

IMPLAUSIBLE_PRECISION = 0.95
"""A single feature with a higher average precision probably contains the label."""

_LEAK_ROWS = 60_000

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ContractBreach:
    """A contract that is broken, by how many rows, and the first few of them."""

    contract: str
    rows: int
    transactions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rows} rows break {self.contract!r} (first: {', '.join(self.transactions)})"


def check_rows(
    definitions: Definitions, data: Dataset, period: TimeRange | None = None
) -> list[ContractBreach]:
    """Every contract on single rows that `data` breaks."""
    checks: dict[str, Callable[[], Bools]] = {
        "identifiers are present": lambda: _any_null(data.identity),
        "transaction_id is unique": lambda: repeated_ids(data.identity["transaction_id"], data.timestamps),
        "amount is not negative": lambda: _is_refused_refund(definitions, data),
        "amount feature equals the amount": lambda: _differs_from_amount(data),
        "features are not infinite": lambda: np.asarray(np.isinf(data.rows).any(axis=1)),
        "features are within their bounds": lambda: _out_of_bounds(definitions, data),
        "rows are in order of time": lambda: np.diff(data.timestamps, prepend=data.timestamps[:1]) < 0,
    }
    if period is not None:
        checks["timestamp is within the period read"] = lambda: (
            (data.timestamps < period.start) | (data.timestamps >= period.end)
        )
    return [breach for name, check in checks.items() if (breach := _breach(data, name, check()))]


def require_valid_rows(definitions: Definitions, data: Dataset, period: TimeRange | None = None) -> None:
    """Stop before training on broken data.

    Raises:
        DataError: there are no rows, rows break a contract, or the labels cannot be right.
    """
    if not len(data):
        raise DataError("there are no matured rows to train on; run the ingest and preprocess flows first")
    breaches = check_rows(definitions, data, period)
    if breaches:
        raise DataError(f"the training data are broken: {'; '.join(map(str, breaches))}; fix the lake first")
    require_both_classes(data, "the history")
    rate = data.frauds / len(data)
    if rate > HIGHEST_FRAUD_RATE:
        raise DataError(f"{rate:.0%} of the rows are labelled fraud; are the labels inverted?")


def require_both_classes(data: Dataset, what: str) -> None:
    """Stop when the rows are of one class only.

    Raises:
        DataError: no fraud, or nothing but fraud.
    """
    if data.frauds == 0:
        raise DataError(
            f"{what} holds no fraud among {len(data)} matured rows; ingest labels or take a longer history"
        )
    if data.frauds == len(data):
        raise DataError(f"{what} holds nothing but fraud ({len(data)} rows); training needs both classes")


def suspicious_features(data: Dataset, seed: int = 0) -> dict[str, float]:
    """Features that alone, by value or by being unknown, nearly determine the label.

    Returns:
        Name and average precision of each feature above `IMPLAUSIBLE_PRECISION`.
    """
    rows, labels = _leak_sample(data, seed)
    found: dict[str, float] = {}
    for column, name in enumerate(data.feature_names):
        precision = max(_single_feature_precision(rows[:, column], labels))
        if precision > IMPLAUSIBLE_PRECISION:
            found[name] = precision
    return found


def require_no_leak(data: Dataset, seed: int = 0) -> None:
    """Stop when a feature leaks the label.

    Raises:
        DataError: names the features.
    """
    found = suspicious_features(data, seed)
    if found:
        listed = ", ".join(f"{name} ({precision:.2f})" for name, precision in found.items())
        raise DataError(
            f"features alone reach an implausible average precision: {listed}; they seem to contain the label"
        )


def _single_feature_precision(values: npt.NDArray[np.float32], labels: npt.NDArray[np.int8]) -> list[float]:
    unknown = np.isnan(values)
    low = np.where(unknown, -np.inf, values)
    high = np.where(unknown, np.inf, values)
    return [average_precision(labels, score.astype(np.float64)) for score in (low, -low, high, -high)]


def _leak_sample(data: Dataset, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    if len(data) <= _LEAK_ROWS:
        return data.rows, data.labels
    chosen = np.random.default_rng(seed).choice(len(data), _LEAK_ROWS, replace=False)
    return data.rows[chosen], data.labels[chosen]


def _breach(data: Dataset, contract: str, broken: Bools) -> ContractBreach | None:
    index = np.flatnonzero(broken)
    if not len(index):
        return None
    first = data.identity["transaction_id"].take(pa.array(index[:5])).to_pylist()
    return ContractBreach(contract, len(index), tuple(str(one) for one in first))


def _out_of_bounds(definitions: Definitions, data: Dataset) -> Bools:
    broken = np.zeros(len(data), dtype=np.bool_)
    for column, name in enumerate(data.feature_names):
        lowest, highest = bounds(definitions, definitions.feature_by_name[name])
        if np.isfinite((lowest, highest)).any():
            # Comparisons with unknown values are false.
            broken |= (data.rows[:, column] < lowest) | (data.rows[:, column] > highest)
    return broken


def _any_null(table: pa.Table) -> Bools:
    broken = np.zeros(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        broken |= column.is_null().to_numpy()
    return broken


def _differs_from_amount(data: Dataset) -> Bools:
    if "amount" not in data.feature_names:
        return np.zeros(len(data), dtype=np.bool_)
    feature = data.rows[:, data.feature_names.index("amount")]
    # Without a rate the feature is unknown, and the amount counts as 0.
    return np.asarray(
        (feature != data.amounts.astype(np.float32)) & ~(np.isnan(feature) & (data.amounts == 0))
    )


def _is_refused_refund(definitions: Definitions, data: Dataset) -> Bools:
    return (data.amounts < 0) & (not definitions.field_by_name["amount"].allows_refunds)
