"""From definitions to the kernel's operations: what an event keeps, what windows keep, what is written.

Equal parts are shared: a filter, a column or a sum that several features need exists once.
"""

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import REFUND_TESTS, Condition, Feature, Operation, Test
from fraud.definitions.fields import CORE_FIELDS, Field, FieldType
from fraud.features.event_layout import Column, column_of, column_records, word_masks, words_of
from fraud.features.events import encoder_of
from fraud.native.kernel import tables
from fraud.native.kernel.tables import NONE, Ints, Operations, Records

LARGE = 1_024
"""Events from which on a card is indexed; below, a scan within the processor's cache is as fast."""

_OF_ONE_PAYMENT = frozenset(Test) - {Test.SAME}
"""What is decided when a payment arrives, whichever is scored later."""
_TRANSFORMS = {
    Operation.HOUR: tables.HOUR,
    Operation.WEEKDAY: tables.WEEKDAY,
    Operation.IS_NIGHT: tables.IS_NIGHT,
    Operation.IS_WEEKEND: tables.IS_WEEKEND,
}
_MOMENTS = {
    Operation.RATIO: tables.RATIO,
    Operation.ZSCORE: tables.ZSCORE,
    Operation.COUNT: tables.NUMBER_OF,
    Operation.SUM: tables.SUM_OF,
    Operation.MEAN: tables.MEAN,
    Operation.STD: tables.STD,
    Operation.SHARE: tables.SHARE,
    Operation.COUNT_ABOVE_MEAN: tables.ABOVE_MEAN,
}
"""What is made of a number of payments, their sum and their squares."""

_BEFORE = frozenset({Operation.RATIO, Operation.ZSCORE})
_SQUARED = frozenset({Operation.ZSCORE, Operation.STD})
_COUNTING = frozenset({Operation.COUNT, Operation.SHARE})
_BEFORE_IT, _AFTER_IT, _NEVER = range(3)
_PARTS = {
    tables.SUM: 0, tables.COUNT: 0, tables.SQUARES: 0, tables.VALUES: 1, tables.PLACE: 2, tables.LARGEST: 3
}  # fmt: skip
"""The parts of a window's updates, as `tables.WINDOW` has them."""
_END_PART = 4


class Widths(NamedTuple):
    """Columns of the arrays that have a row per card."""

    counts: int
    totals: int


@dataclass(frozen=True)
class Plan:
    """What a store needs to know of its definitions: the kernel's tables, and how wide its state is."""

    operations: Operations
    widths: Widths


@dataclass(frozen=True)
class _Update:
    window: int
    action: int
    column: int
    condition: int
    extra: int = NONE
    slot: int = NONE


@dataclass(frozen=True)
class _Group:
    """`phase` says when it is measured: before the payment is remembered, after it, or never."""

    phase: int
    window: int
    condition: int
    addend: int
    keys: tuple[int, ...]


@dataclass(frozen=True)
class _Output:
    kind: int
    out: int
    of: int = NONE
    input: int = NONE
    window: int = NONE
    counted: int = NONE
    totalled: int = NONE
    other: int = NONE
    condition: int = NONE
    number: float = 1.0


def plan_of(definitions: Definitions, large: int = LARGE, *, is_wide: bool = False) -> Plan:
    """The tables of definitions.

    Args:
        definitions: what to compute.
        large: events from which on a card is indexed.
        is_wide: whether events have bits for large amounts of money.
    """
    return _Planner(definitions, is_wide).plan(large)


class _Planner:
    """Collects what features need; each list is a table to be."""

    def __init__(self, definitions: Definitions, is_wide: bool) -> None:
        self._definitions, self._is_wide = definitions, is_wide
        lengths = {one.window_ms for one in definitions.kernel_features if one.window_ms}
        self._windows = sorted(lengths | {definitions.longest_window_ms})
        self._columns = [Column.of_time(self._windows[-1])]
        self._counts, self._totals = len(self._windows), 0
        self._conditions: list[tuple[int, ...]] = []
        self._choices: list[int] = []
        self._filters: dict[frozenset[Condition], int] = {}
        self._slots: dict[_Update, int] = {}
        self._groups: dict[_Group, int] = {}
        self._outputs: list[_Output] = []

    def plan(self, large: int) -> Plan:
        """Everything, of all features."""
        for out, feature in enumerate(self._definitions.kernel_features):
            if not feature.is_derived:
                self._add(feature, out)
        for out in self._definitions.derived_order:
            self._add_derived(self._definitions.kernel_features[out], out)
        return Plan(self._operations(large), Widths(self._counts, self._totals))

    # ----------------------------------------------------------------------- features

    def _add(self, feature: Feature, out: int) -> None:
        operation = feature.operation
        if operation is Operation.VALUE:
            self._add_value(self._field(feature.of[0]), out)
        elif operation in _TRANSFORMS:
            self._add_calendar(feature, out)
        elif operation in _MOMENTS:
            self._add_moment(feature, out)
        elif operation in (Operation.MIN, Operation.MAX):
            self._add_extreme(feature, out)
        elif operation in (Operation.DISTINCT, Operation.IS_NEW):
            self._add_values(feature, out)
        elif operation is Operation.SPEED:
            self._add_speed(feature, out)
        else:
            self._add_since(feature, out)

    def _add_value(self, one: Field, out: int) -> None:
        kinds = {FieldType.NUMBER: tables.AS_NUMBER, FieldType.CATEGORY: tables.AS_CODE}
        kind = kinds.get(one.type, tables.AS_INTEGER)
        self._outputs.append(_Output(kind, out, input=self._source(one.name), number=_divisor(one)))

    def _add_calendar(self, feature: Feature, out: int) -> None:
        zones, country = self._definitions.zones, NONE
        zone = zones.names.index(feature.zone) if feature.zone in zones.names else 0
        if feature.zone in self._definitions.field_index:
            country = self._source(feature.zone)
        kind, source = _TRANSFORMS[feature.operation], self._source(feature.of[0])
        self._outputs.append(_Output(kind, out, input=source, window=country, other=zone))

    def _add_derived(self, feature: Feature, out: int) -> None:
        names = [one.name for one in self._definitions.kernel_features]
        one, other = (names.index(name) for name in feature.of)
        divides = int(feature.operation is Operation.DIVIDE)
        self._outputs.append(_Output(tables.DERIVED, out, of=divides, input=one, other=other))

    def _add_moment(self, feature: Feature, out: int) -> None:
        operation, window, condition = feature.operation, self._window(feature), self._filter(feature)
        known, addend = self._known(feature), NONE
        if operation not in _COUNTING:
            addend = self._column(feature.of[0])
        group, counted, totalled, squares = NONE, NONE, NONE, NONE
        if keys := self._same(feature):
            phase = _BEFORE_IT if operation in _BEFORE else _AFTER_IT
            group = self._group(_Group(phase, window, condition, max(addend, known), keys))
        else:
            counted = self._count(window, known, condition)
            totalled = self._total(window, tables.SUM, addend, condition)
            if operation in _SQUARED:
                squares = self._total(window, tables.SQUARES, addend, condition)
        if operation is Operation.SHARE:
            # The slot of the window's payments, or of those of them that are no refunds.
            window = self._count(window, NONE, self._filter(feature, REFUND_TESTS))
        row = _Output(
            _MOMENTS[operation], out, of=group, input=addend, window=window, counted=counted,
            totalled=totalled, other=squares, condition=condition, number=self._divisor(feature),
        )  # fmt: skip
        if operation is Operation.COUNT_ABOVE_MEAN:
            row = replace(row, other=feature.last, number=feature.factor)
        self._outputs.append(row)

    def _add_extreme(self, feature: Feature, out: int) -> None:
        column, sign = self._column(feature.of[0]), 1 if feature.operation is Operation.MAX else -1
        slot = self._total(self._window(feature), tables.LARGEST, column, self._filter(feature), sign)
        number = self._divisor(feature)
        self._outputs.append(
            _Output(tables.EXTREME, out, input=column, totalled=slot, other=sign, number=number)
        )

    def _add_values(self, feature: Feature, out: int) -> None:
        condition, window = self._filter(feature), self._window(feature)
        keys = tuple(sorted({self._column(feature.of[0]), *self._same(feature)}))
        group = _Group(_NEVER, window, condition, NONE, keys)
        if feature.operation is Operation.IS_NEW:
            counted = self._count(window, NONE, condition)
            self._outputs.append(
                _Output(tables.IS_NEW, out, of=self._group(group), window=window, counted=counted)
            )
            return
        self._group(group)
        if self._groups[group] < 0:
            self._groups[group] = self._counts
            self._counts += 1
        self._outputs.append(_Output(tables.DISTINCT, out, counted=self._groups[group]))

    def _add_speed(self, feature: Feature, out: int) -> None:
        source, window = self._source(feature.of[0]), self._window(feature)
        slot = self._total(window, tables.PLACE, NONE, self._filter(feature), source)
        self._outputs.append(_Output(tables.SPEED, out, input=source, window=window, totalled=slot))

    def _add_since(self, feature: Feature, out: int) -> None:
        condition, window, keys = self._filter(feature), self._window(feature), self._same(feature)
        group = self._group(_Group(_NEVER, window, condition, NONE, keys)) if keys else NONE
        is_last = feature.operation is Operation.SECONDS_SINCE_LAST
        kind = tables.SINCE_LAST if is_last else tables.SINCE_FIRST
        self._outputs.append(_Output(kind, out, of=group, window=window, condition=condition))

    # ----------------------------------------------------------------------- parts of them

    def _field(self, name: str) -> Field:
        return self._definitions.field_by_name[name]

    def _source(self, name: str) -> int:
        return self._definitions.field_index[name]

    def _window(self, feature: Feature) -> int:
        return self._windows.index(feature.window_ms)

    def _divisor(self, feature: Feature) -> float:
        return _divisor(self._field(feature.of[0])) if feature.of else 1.0

    def _known(self, feature: Feature) -> int:
        """The column that a payment must have a value of to be counted; none if every payment has it."""
        if not feature.of:
            return NONE
        one = self._field(feature.of[0])
        # An amount without a rate to the base currency is unknown.
        return NONE if one.name in CORE_FIELDS and not one.base else self._column(one.name)

    def _same(self, feature: Feature) -> tuple[int, ...]:
        """The columns in which a payment must agree with the one that is scored."""
        return tuple(sorted({self._column(one.field) for one in feature.where if one.test is Test.SAME}))

    def _column(self, name: str) -> int:
        return self._index(column_of(self._field(name), self._source(name), is_wide=self._is_wide))

    def _index(self, column: Column) -> int:
        if column not in self._columns:
            self._columns.append(column)
        return self._columns.index(column)

    def _filter(self, feature: Feature, tests: Container[Test] = _OF_ONE_PAYMENT) -> int:
        """The column of what a payment must satisfy, whichever is scored."""
        terms = frozenset(one for one in feature.where if one.test in tests)
        if terms and terms not in self._filters:
            start = len(self._conditions)
            self._conditions += [self._condition(one) for one in sorted(terms, key=repr)]
            self._filters[terms] = self._index(Column(start, len(self._conditions), tables.FILTER, 1, 0))
        return self._filters.get(terms, NONE)

    def _condition(self, term: Condition) -> tuple[int, ...]:
        one, source, least = self._field(term.field), self._source(term.field), term.test is Test.AT_LEAST
        if term.test in REFUND_TESTS:
            return self._refund_condition(one, source, term.test)
        if term.test is Test.ONE_OF:
            start = len(self._choices)
            self._choices += [_encoded(one, value) for value in term.values]
            return source, tables.CHOICE, 0, start, len(self._choices)
        limit = float(term.values[0])
        if one.type is FieldType.NUMBER:
            bits = int(np.float64(limit).view(np.int64))
            return source, tables.NUMBER_AT_LEAST if least else tables.NUMBER_AT_MOST, bits, 0, 0
        return source, tables.AT_LEAST if least else tables.AT_MOST, int(limit), 0, 0

    def _refund_condition(self, amount: Field, source: int, test: Test) -> tuple[int, ...]:
        kind = self._source(amount.refund_field) if amount.refund_field else NONE
        start = len(self._choices)
        if amount.refund_field:
            field = self._field(amount.refund_field)
            self._choices += [_encoded(field, value) for value in amount.refund_values]
        number = tables.REFUND if test is Test.IS_REFUND else tables.PAYMENT
        return source, number, kind, start, len(self._choices)

    def _group(self, group: _Group) -> int:
        """The number of a group, for the time being: in the order of their finding."""
        self._groups.setdefault(group, NONE)
        return list(self._groups).index(group)

    def _count(self, window: int, column: int, condition: int) -> int:
        """The slot of a number of payments; without a condition it is that of the window."""
        if column < 0 and condition < 0:
            return window
        update = _Update(window, tables.COUNT, column, condition)
        if update not in self._slots:
            self._slots[update] = self._counts
            self._counts += 1
        return self._slots[update]

    def _total(self, window: int, action: int, column: int, condition: int, extra: int = NONE) -> int:
        if column < 0 and action != tables.PLACE:
            return NONE
        update = _Update(window, action, column, condition, extra)
        if update not in self._slots:
            self._slots[update] = self._totals
            self._totals += 2 if action in (tables.SQUARES, tables.PLACE) else 1
        return self._slots[update]

    # ----------------------------------------------------------------------- tables

    def _operations(self, large: int) -> Operations:
        groups = sorted(self._groups, key=lambda one: one.phase)
        phases = [one.phase for one in groups]
        columns = column_records(self._columns)
        words, keys, group_records = _group_tables(groups, columns)
        windows, updates = self._update_tables(groups, columns)
        outputs = self._output_rows(groups)
        kinds = [row.kind for row in outputs]
        zones = self._definitions.zones
        return Operations(
            windows=windows,
            columns=columns,
            narrow=columns["source"][columns["bias"] == tables.NARROW_BIAS],
            conditions=_records(self._conditions, tables.CONDITION),
            choices=np.array(self._choices, dtype=np.int64),
            updates=updates,
            groups=group_records,
            group_ends=np.searchsorted(phases, [_AFTER_IT, _NEVER]).astype(np.int64),
            words=words,
            keys=keys,
            outputs=_records([_output_row(row) for row in outputs], tables.OUTPUT),
            kinds=np.searchsorted(kinds, range(tables.KINDS + 1)).astype(np.int64),
            zone_starts=zones.starts,
            zone_offsets=zones.offsets,
            zones=zones.bounds,
            country_zones=zones.by_country.astype(np.int64),
            width=words_of(columns),
            time_mask=(1 << self._columns[0].bits) - 1,
            large=large,
        )

    def _output_rows(self, groups: list[_Group]) -> list[_Output]:
        """By kind; their groups by the number in the table."""
        found = list(self._groups)
        rows = [
            replace(row, of=groups.index(found[row.of])) if _has_group(row) else row for row in self._outputs
        ]
        return sorted(rows, key=lambda row: row.kind)

    def _update_tables(self, groups: list[_Group], columns: Records) -> tuple[Records, Records]:
        """The windows and their updates."""
        slots = [replace(update, slot=slot) for update, slot in self._slots.items()]
        of_groups = [
            _Update(one.window, tables.VALUES, NONE, NONE, number, self._groups[one])
            for number, one in enumerate(groups)
        ]
        updates = sorted((*slots, *of_groups), key=lambda one: (one.window, _PARTS[one.action], one.slot))
        order = [(one.window, _PARTS[one.action]) for one in updates]
        windows = [
            (length, *(bisect_left(order, (window, part)) for part in range(_END_PART + 1)))
            for window, length in enumerate(self._windows)
        ]
        return _records(windows, tables.WINDOW), _records(
            [_update_row(one, columns) for one in updates], tables.UPDATE
        )


def _update_row(update: _Update, columns: Records) -> tuple[int, ...]:
    bias = int(columns[update.column]["bias"]) if update.column >= 0 else 0
    return update.action, update.column, bias, update.condition, update.slot, update.extra


def _has_group(row: _Output) -> bool:
    return row.of >= 0 and row.kind != tables.DERIVED


def _output_row(row: _Output) -> tuple[float, ...]:
    return (
        row.out, row.of, row.input, row.window, row.counted, row.totalled, row.other, row.condition,
        row.number,
    )  # fmt: skip


def _group_tables(groups: list[_Group], columns: Records) -> tuple[Records, Ints, Records]:
    words: list[tuple[int, int, int]] = []
    keys: list[int] = []
    rows: list[tuple[int, ...]] = []
    for one in groups:
        starts = len(words), len(keys)
        words += word_masks(columns, one.keys, one.condition)
        keys += one.keys
        rows.append((one.window, one.condition, one.addend, starts[0], len(words), starts[1], len(keys)))
    return _records(words, tables.WORD), np.array(keys, dtype=np.int64), _records(rows, tables.GROUP)


def _records(rows: Sequence[tuple[float, ...]], kind: np.dtype[np.void]) -> Records:
    return np.array(rows, dtype=kind)


def _divisor(one: Field) -> float:
    """What turns the integer of a field into its number; money stays in minor units."""
    return float(10**one.scale) if one.type is FieldType.FIXED else 1.0


def _encoded(one: Field, value: float | str) -> int:
    """A value of a condition as `Events.values` has it."""
    return encoder_of(one.type)(str(value) if one.is_text else int(value))
