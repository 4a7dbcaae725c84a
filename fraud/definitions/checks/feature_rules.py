"""What each way of computing a feature takes: the types of its field, a filter, a window."""

from dataclasses import dataclass

from fraud.definitions.features import (
    CALENDAR,
    DAILY_PROFILE_OPERATIONS,
    DERIVED,
    PROFILE_OPERATIONS,
    Operation,
)
from fraud.definitions.fields import SUMMABLE, TEXT_TYPES, FieldType

COMPARABLE = (FieldType.MONEY, FieldType.FIXED, FieldType.NUMBER)
_VALUES = (*COMPARABLE, FieldType.CATEGORY, FieldType.BOOLEAN)
_HABITS = (FieldType.MONEY, FieldType.FIXED)
_TEXTS = tuple(kind for kind in FieldType if kind in TEXT_TYPES)


@dataclass(frozen=True)
class OperationRule:
    """What an operation takes.

    Attributes:
        types: of the field in `of`; None: no `of`; empty: a place.
        has_window: whether a window is needed; otherwise it makes no sense.
        takes_where: whether a filter may be given.
        needs_where: whether one must be.
    """

    types: tuple[FieldType, ...] | None = None
    has_window: bool = True
    takes_where: bool = True
    needs_where: bool = False


_SUM = OperationRule(SUMMABLE)
_EXTREME = OperationRule((*COMPARABLE, FieldType.BOOLEAN))
_HABIT = OperationRule(_HABITS)
_DIFFERENT = OperationRule(_TEXTS)
_COUNT = OperationRule()

RULES: dict[Operation, OperationRule] = {
    Operation.VALUE: OperationRule(_VALUES, has_window=False, takes_where=False),
    **{one: OperationRule((FieldType.TIME,), has_window=False, takes_where=False) for one in CALENDAR},
    Operation.RATIO: _HABIT,
    Operation.ZSCORE: _HABIT,
    Operation.IS_NEW: _DIFFERENT,
    Operation.SECONDS_SINCE_LAST: _COUNT,
    Operation.SECONDS_SINCE_FIRST: _COUNT,
    Operation.SPEED: OperationRule((), takes_where=False),
    Operation.COUNT: _COUNT,
    Operation.SUM: _SUM,
    Operation.MEAN: _SUM,
    Operation.MIN: _EXTREME,
    Operation.MAX: _EXTREME,
    Operation.STD: _SUM,
    Operation.DISTINCT: _DIFFERENT,
    Operation.SHARE: OperationRule(needs_where=True),
    Operation.COUNT_ABOVE_MEAN: OperationRule(_HABITS, takes_where=False),
    **{one: OperationRule(has_window=False, takes_where=False) for one in DERIVED},
    **{one: OperationRule(takes_where=False) for one in (*DAILY_PROFILE_OPERATIONS, *PROFILE_OPERATIONS)},
}


def fitting_operations(kind: FieldType) -> list[str]:
    """The aggregates and transforms that take a field of this type."""
    return [one.value for one, rule in RULES.items() if rule.types is not None and kind in rule.types]
