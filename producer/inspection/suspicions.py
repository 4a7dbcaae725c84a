"""What is suspicious about the values that a mapping gives, before anything is published."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fraud.definitions.definitions import Definitions
from fraud.definitions.fields import CORE_FIELDS, FieldType
from producer.inspection.masking import is_card_number

_FEW = 20
"""With fewer rows, shares are not meaningful."""
_MOST_VALUES = 60
_NEARLY_ALL = 0.95
_FRAUDS_A_VALUE = 3
_DAY_MS = 86_400_000
_LEVELS = ("error", "warning")


@dataclass(frozen=True)
class Suspicion:
    """Something that looks wrong; an error ends the work before anything is published."""

    level: Literal["error", "warning"]
    text: str


def suspicions_of(
    definitions: Definitions, rows: pa.RecordBatch, fraud_flags: pa.Array | None = None
) -> list[Suspicion]:
    """What is suspicious of transactions in the fields of the definitions, and of fraud flags beside them."""
    if not len(rows):
        return []
    found = [
        one
        for field in definitions.fields
        if field.type is FieldType.ID
        for one in _of_identifiers(field.name, rows[field.name])
    ]
    found += _of_transactions(rows["transaction_id"])
    found += _of_times(rows["timestamp"])
    if fraud_flags is not None and len(rows) >= _FEW:
        found += _of_fraud_flags(definitions, rows, fraud_flags)
    return sorted(found, key=lambda one: _LEVELS.index(one.level))


def _of_identifiers(field: str, column: pa.Array) -> list[Suspicion]:
    values = pc.unique(column.drop_null())
    digits = values.filter(pc.match_substring_regex(values, r"^\d{15,}$"))
    found = []
    if (
        len(digits) >= 3
        and _share(pc.match_substring_regex(digits, r"^\d{12,15}0+$")) > _NEARLY_ALL
        and _ends(digits)
    ):
        found.append(Suspicion("error", f"{field} looks rounded by a spreadsheet, which keeps 15 digits "
                                        f"(all numbers of "
                               "16 digits and more end in 0): export the column as text"))  # fmt: skip
    if field == "card_id" and len(column) >= _FEW and len(values) == 1:
        found.append(Suspicion("warning", "card_id is the same in all rows: features of a card's "
                                          "history will be those "
                               "of all payments together"))  # fmt: skip
    if field == "card_id" and len(column) >= _FEW and len(values) == len(column):
        found.append(Suspicion("warning", "card_id differs in all rows looked at: no card has a "
                                          "history, so that its "
                               "features stay empty"))  # fmt: skip
    if field != "transaction_id":
        found += _of_lengths(field, values)
    return found + (_of_card_numbers(values) if field == "card_id" else [])


def _ends(digits: pa.Array) -> bool:
    """Whether all numbers of more than 15 digits end in as many zeros."""
    text = digits.to_pylist()
    long = [one for one in text if len(one) > 15]
    return bool(long) and all(set(one[15:]) == {"0"} for one in long)


def _of_lengths(field: str, values: pa.Array) -> list[Suspicion]:
    """Numbers of one length, and a few that are shorter: leading zeros were lost."""
    digits = values.filter(pc.match_substring_regex(values, r"^\d+$"))
    if len(digits) < _FEW or len(digits) < 0.9 * len(values):
        return []
    lengths = pc.utf8_length(digits).to_numpy()
    longest = int(lengths.max())
    shorter = float((lengths < longest).mean())
    # Numbers that are counted up differ in length as well, but a tenth of them is not one shorter.
    if longest < 8 or not 0 < shorter < 0.2 or any(one.startswith("0") for one in digits.to_pylist()):
        return []
    return [Suspicion("warning", f"{field} has {longest} digits in most rows and fewer in some: if "
                                 f"leading zeros were "
                      f"lost, add `pad: {longest}` to its mapping")]  # fmt: skip


def _of_card_numbers(values: pa.Array) -> list[Suspicion]:
    cards = values.filter(pc.match_substring_regex(values, r"^\d{13,19}$")).to_pylist()[:200]
    if len(cards) < 3 or sum(map(is_card_number, cards)) < 0.9 * len(cards):
        return []
    return [Suspicion("warning", "card_id holds what look like real card numbers: replace them by "
                                 "tokens or hashes "
                      "before they are published")]  # fmt: skip


def _of_transactions(ids: pa.Array) -> list[Suspicion]:
    count, different = len(ids), pc.count_distinct(ids).as_py()
    if count >= 10 and different == 1:
        return [Suspicion("error", "transaction_id is the same in all rows, so that they would count as "
                                   "one payment: "
                          "map another column, or `transaction_id: {row: number}`")]  # fmt: skip
    return []


def _of_times(times: pa.Array) -> list[Suspicion]:
    values = times.drop_null().to_numpy(zero_copy_only=False)
    if len(values) >= _FEW and (values % _DAY_MS == 0).all():
        return [Suspicion("warning", "timestamp is midnight in all rows: if the time of day is in "
                                     "another column, map "
                          "both, `timestamp: {columns: [date, time]}`")]  # fmt: skip
    if len(values) >= _FEW and len(np.unique(values)) == 1:
        return [Suspicion("warning", "timestamp is the same in all rows")]
    return []


def _of_fraud_flags(definitions: Definitions, rows: pa.RecordBatch, fraud_flags: pa.Array) -> list[Suspicion]:
    labelled = fraud_flags.drop_null()
    share = _share(labelled) if len(labelled) else 0.0
    found = []
    if len(labelled) and share > 0.5:
        found.append(Suspicion("warning", f"{share:.0%} of the rows looked at are fraud: if is_fraud "
                                          f"means the "
                               "opposite, add `values: {1: 0, 0: 1}` to its mapping"))  # fmt: skip
    for field in _written_later(definitions):
        if gives_away(rows[field], fraud_flags):
            found.append(Suspicion("warning", f"{field} gives is_fraud away: some of its values occur "
                                              f"with fraud only, "
                                   "as if it was written afterwards"))  # fmt: skip
    return found


def _written_later(definitions: Definitions) -> list[str]:
    """Those that may have been written afterwards: not what a payment cannot be without."""
    return [
        field.name
        for field in definitions.fields
        if field.name == "merchant_id"
        or (
            field.name not in CORE_FIELDS
            and field.type in (FieldType.ID, FieldType.CATEGORY, FieldType.BOOLEAN)
        )
    ]


def gives_away(column: pa.Array, fraud_flags: pa.Array) -> bool:
    """Whether few values of a column, or its presence, mark nearly every fraud and nothing else."""
    known = fraud_flags.is_valid()
    fraud = fraud_flags.filter(known).to_numpy(zero_copy_only=False).astype(bool)
    values = pc.cast(column.filter(known), pa.string())
    presence = pc.cast(values.is_valid(), pa.string())
    return any(_predicts(one, fraud) for one in (presence, pc.fill_null(values, "")))


def _predicts(values: pa.Array, fraud: npt.NDArray[np.bool_]) -> bool:
    encoded, frauds = values.dictionary_encode(), int(fraud.sum())
    if frauds < 5 or frauds == len(fraud) or not 1 < len(encoded.dictionary) <= _MOST_VALUES:
        return False
    codes = encoded.indices.to_numpy()
    count = np.bincount(codes, minlength=len(encoded.dictionary))
    bad = np.bincount(codes, weights=fraud, minlength=len(count))
    predictive = bad > _NEARLY_ALL * count
    # Values that occur once or twice, as those of identifiers, predict nothing.
    covered = bad[predictive].sum()
    return bool(covered >= _NEARLY_ALL * frauds and covered >= _FRAUDS_A_VALUE * predictive.sum())


def require_sane(found: list[Suspicion], fail: Callable[[str], Exception]) -> list[str]:
    """The texts of the warnings; an error is raised as `fail` makes it."""
    for one in found:
        if one.level == "error":
            raise fail(one.text)
    return [one.text for one in found]


def _share(condition: pa.Array) -> float:
    mean = pc.mean(pc.cast(condition, pa.float64())).as_py()
    return 0.0 if mean is None else float(mean)
