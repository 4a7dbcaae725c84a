"""The features once more, naively, from their definition: for reading and for holding the kernel to it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    REFUND_TESTS,
    Condition,
    Feature,
    Operation,
    Test,
)
from fraud.definitions.fields import UNKNOWN, Field, FieldType
from fraud.features.events import Events, code_of, hash_identifier
from fraud.native.id_index import ACCEPTED, CONFLICT, REPEATED, currency_number
from fraud.settings import MemorySettings

NAN = math.nan
LARGEST = float(np.finfo(np.float32).max)
Value = float | int | None


@dataclass(frozen=True)
class Payment:
    """One event: its head, and its known values by field."""

    card: int
    transaction: int
    time: int
    content: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Window:
    """A card's payments in a window: those before the payment, and those with it among them."""

    before: list[Payment]
    with_it: list[Payment]


def reference_features(definitions: Definitions, events: Events) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Features and outcomes of a stream, each computed from everything that came before."""
    payments = [_payment(definitions, events, row) for row in range(len(events))]
    history: dict[int, list[Payment]] = {}
    rows, outcomes = [], list[int]()
    for number, payment in enumerate(payments):
        past = history.setdefault(payment.card, [])
        outcomes.append(_outcome(payments[:number], outcomes, payment))
        if outcomes[-1] == ACCEPTED:
            rows.append(_row(definitions, past, payment))
            past.append(payment)
        else:
            rows.append([NAN] * len(definitions.kernel_features))
    return np.array(rows, dtype=np.float32).reshape(-1, len(definitions.kernel_features)), outcomes


@dataclass
class _Card:
    """What is remembered of a card; a payment is noted by its offset and its time."""

    segment: int
    past: list[Payment] = field(default_factory=list)
    seen: int = 0
    last: tuple[int, int] | None = None
    repeat: tuple[int, int] | None = None
    start: int = 0
    horizon: int = 0
    dropped: list[Payment] = field(default_factory=list)


def reference_with_memory(
    definitions: Definitions, events: Events, offsets: Sequence[int], memory: MemorySettings
) -> npt.NDArray[np.float32]:
    """Features of payments with different ids, of which so much is remembered."""
    cards: dict[int, _Card] = {}
    rows = []
    for number, offset in enumerate(offsets):
        payment = _payment(definitions, events, number)
        card = cards.get(payment.card, _Card(offset // memory.messages))
        cards[payment.card] = card = _recalled(definitions, card, payment, offset, memory)
        rows.append(_row(definitions, card.past, payment, card))
        _remember(definitions, card, payment, offset, memory)
    return np.array(rows, dtype=np.float32).reshape(-1, len(definitions.kernel_features))


def _recalled(
    definitions: Definitions, card: _Card, payment: Payment, offset: int, memory: MemorySettings
) -> _Card:
    """The card as it is remembered when the payment comes."""
    segment, oldest = offset // memory.messages, max(card.seen, payment.time) - definitions.longest_window_ms
    is_known = (
        card.repeat is not None
        and offset - card.repeat[0] <= memory.messages
        and card.repeat[1] // MINUTE_MS > oldest // MINUTE_MS
    )
    if card.last is not None and (
        segment - card.segment > 1 or (not is_known and offset - card.last[0] > memory.seen_once)
    ):
        return _Card(segment)
    if segment > card.segment:
        card.segment, card.horizon, card.start = segment, card.start, card.seen
    card.past = [one for one in card.past if one.time > max(card.horizon, oldest)]
    if len(card.past) == memory.payments_per_card:
        first = min(card.past, key=lambda one: one.time)
        card.past.remove(first)
        card.dropped.append(first)
    return card


def _remember(
    definitions: Definitions, card: _Card, payment: Payment, offset: int, memory: MemorySettings
) -> None:
    card.seen = max(card.seen, payment.time)
    oldest = card.seen - definitions.longest_window_ms
    if (
        card.last
        and offset - card.last[0] <= memory.seen_once
        and card.last[1] // MINUTE_MS > oldest // MINUTE_MS
    ):
        card.repeat = (offset, payment.time)
    card.last = (offset, payment.time)
    if payment.time > max(card.horizon, oldest):
        card.past.append(payment)


def _payment(definitions: Definitions, events: Events, row: int) -> Payment:
    head, values = events.heads[row], events.values[row]
    known = {field.name: _known(field, values[at]) for at, field in enumerate(definitions.fields)}
    return Payment(
        int(head["card"]), int(head["transaction"]), int(head["timestamp"]), int(head["content"]), known
    )


def _known(field: Field, value: np.int64) -> Value:
    if field.type is FieldType.NUMBER:
        number = float(value.view(np.float64))
        return None if math.isnan(number) else number
    absent = 0 if field.type in (FieldType.ID, FieldType.CATEGORY) else UNKNOWN
    return None if value == absent else int(value)


def _outcome(before: Sequence[Payment], outcomes: list[int], payment: Payment) -> int:
    """An id is taken until 30 days (UTC) have passed since the newest that bore it."""
    same = [number for number, one in enumerate(before) if one.transaction == payment.transaction]
    if not same:
        return ACCEPTED
    first = max(number for number in same if outcomes[number] == ACCEPTED)
    newest = max(before[number].time // DAY_MS for number in same if number >= first)
    if newest <= payment.time // DAY_MS - 30:
        return ACCEPTED
    return REPEATED if before[first].content == payment.content else CONFLICT


def _row(
    definitions: Definitions, past: Sequence[Payment], payment: Payment, card: _Card | None = None
) -> list[float]:
    """The features of a payment; `card` is what else is remembered of its card."""
    card = card or _Card(0)
    values: dict[str, float] = {}
    features = definitions.kernel_features
    for feature in features:
        if not feature.is_derived:
            values[feature.name] = _value(definitions, feature, past, payment, card)
    for column in definitions.derived_order:
        values[features[column].name] = _derived(features[column], values)
    return [values[feature.name] for feature in features]


def _derived(feature: Feature, values: dict[str, float]) -> float:
    one, other = (float(np.float32(values[name])) for name in feature.of)
    if feature.operation is Operation.SUBTRACT:
        return _finite(one - other)
    return _finite(one / other) if other != 0 else NAN


def _finite(value: float) -> float:
    """Unknown is what a float32 cannot hold."""
    return value if abs(value) <= LARGEST else NAN


def _value(
    definitions: Definitions, feature: Feature, past: Sequence[Payment], payment: Payment, card: _Card
) -> float:
    if not feature.window_ms:
        return _transform(definitions, feature, payment)
    same = [one.field for one in feature.where if one.test is Test.SAME]
    if any(payment.values[name] is None for name in same):
        return NAN
    watermark = max([payment.time, card.seen, *(one.time for one in past)])
    oldest = max(watermark - feature.window_ms, card.horizon)
    # The newest place is kept when the card has too many payments.
    past = [*card.dropped, *past] if feature.operation is Operation.SPEED else past
    every = [one for one in past if one.time > oldest]
    every.sort(key=lambda one: one.time)
    later = sum(one.time <= payment.time for one in every)
    is_in = payment.time > oldest
    whole = Window(every, [*every[:later], *([payment] if is_in else []), *every[later:]])

    def satisfies(one: Payment) -> bool:
        return all(_holds(definitions, term, one, payment) for term in feature.where)

    def counts(one: Payment) -> bool:
        refunds = (term for term in feature.where if term.test in REFUND_TESTS)
        return all(_holds(definitions, term, one, payment) for term in refunds)

    if feature.operation is Operation.SHARE:
        whole = Window(list(filter(counts, whole.before)), list(filter(counts, whole.with_it)))
    chosen = Window(list(filter(satisfies, whole.before)), list(filter(satisfies, whole.with_it)))
    scale = _scale(definitions, feature)
    return float(_AGGREGATES[feature.operation](definitions, feature, payment, whole, chosen)) / scale


def _scale(definitions: Definitions, feature: Feature) -> float:
    """What turns the integers of a fixed-point field into its numbers."""
    measures = (Operation.SUM, Operation.MEAN, Operation.MIN, Operation.MAX, Operation.STD)
    if feature.operation not in measures:
        return 1.0
    return _divisor(definitions.field_by_name[feature.of[0]])


def _divisor(field: Field) -> float:
    return float(10**field.scale) if field.type is FieldType.FIXED else 1.0


def _holds(definitions: Definitions, term: Condition, one: Payment, payment: Payment) -> bool:
    value, field = one.values[term.field], definitions.field_by_name[term.field]
    if term.test in REFUND_TESTS:
        return _is_refund(field, definitions, one) == (term.test is Test.IS_REFUND)
    if value is None:
        return False
    if term.test is Test.SAME:
        return value == payment.values[term.field]
    if term.test is Test.ONE_OF:
        return value in [_encoded(field, text) for text in term.values]
    limit = float(term.values[0])
    return value >= limit if term.test is Test.AT_LEAST else value <= limit


def _is_refund(amount: Field, definitions: Definitions, one: Payment) -> bool:
    if (one.values[amount.name] or 0) < 0:
        return True
    if not amount.refund_field:
        return False
    kind = definitions.field_by_name[amount.refund_field]
    return one.values[kind.name] in [_encoded(kind, text) for text in amount.refund_values]


def _encoded(field: Field, value: float | str) -> int:
    if field.type is FieldType.CATEGORY:
        return code_of(str(value))
    if field.type is FieldType.CURRENCY:
        return currency_number(str(value))
    if field.type is FieldType.ID:
        return int(np.uint64(hash_identifier(str(value))).astype(np.int64))
    return int(value)


def _transform(definitions: Definitions, feature: Feature, payment: Payment) -> float:
    value = payment.values[feature.of[0]]
    if value is None:
        return NAN
    if feature.operation is Operation.VALUE:
        return _finite(value / _divisor(definitions.field_by_name[feature.of[0]]))
    offset = _offset(definitions, feature, payment, int(value))
    if offset is None:
        return NAN
    hour, weekday = (int(value) + offset) // HOUR_MS % 24, ((int(value) + offset) // DAY_MS + 3) % 7
    return {
        Operation.HOUR: float(hour),
        Operation.WEEKDAY: float(weekday),
        Operation.IS_NIGHT: float(hour < 6),
        Operation.IS_WEEKEND: float(weekday >= 5),
    }[feature.operation]


def _offset(definitions: Definitions, feature: Feature, payment: Payment, time: int) -> int | None:
    """What to add to UTC, ms; None: there is no such country."""
    zones = definitions.zones
    if feature.zone in payment.values:
        zone = int(zones.by_country[int(payment.values[feature.zone] or 0)])
        if zone < 0:
            return None
    else:
        zone = zones.names.index(feature.zone) if feature.zone else 0
    stretches = range(zones.bounds[zone], zones.bounds[zone + 1])
    return int(zones.offsets[max(one for one in stretches if zones.starts[one] <= time)])


# --------------------------------------------------------------------------- of the card's payments

Aggregate = Callable[[Definitions, Feature, Payment, Window, Window], float]


def _values(feature: Feature, payments: Sequence[Payment]) -> list[float]:
    values = (one.values[feature.of[0]] for one in payments)
    return [value for value in values if value is not None and abs(value) <= LARGEST]


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and variance; 0 where a variance may be nothing but rounding."""
    squares = [int(value) ** 2 for value in values]
    high, low = sum(one >> 32 for one in squares), sum(one & 0xFFFF_FFFF for one in squares)
    mean, square = sum(values) / len(values), (float(high) * 4294967296.0 + float(low)) / len(values)
    variance = square - mean * mean
    return mean, variance if variance > square * 1e-12 else 0.0


def _count(_: Definitions, __: Feature, ___: Payment, ____: Window, chosen: Window) -> float:
    return len(chosen.with_it)


def _share(_: Definitions, __: Feature, ___: Payment, whole: Window, chosen: Window) -> float:
    return len(chosen.with_it) / len(whole.with_it) if whole.with_it else NAN


def _sum(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    return sum(_values(feature, chosen.with_it))


def _mean(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    values = _values(feature, chosen.with_it)
    return sum(values) / len(values) if values else NAN


def _std(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    values = _values(feature, chosen.with_it)
    return math.sqrt(_moments(values)[1]) if values else NAN


def _min(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    return min(_values(feature, chosen.with_it), default=NAN)


def _max(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    return max(_values(feature, chosen.with_it), default=NAN)


def _distinct(_: Definitions, feature: Feature, __: Payment, ___: Window, chosen: Window) -> float:
    return len(set(_values(feature, chosen.with_it))) or NAN


def _ratio(_: Definitions, feature: Feature, payment: Payment, __: Window, chosen: Window) -> float:
    values, value = _values(feature, chosen.before), payment.values[feature.of[0]]
    if not values or value is None:
        return NAN
    mean = sum(values) / len(values)
    return value / mean if mean > 0 else NAN


def _zscore(_: Definitions, feature: Feature, payment: Payment, __: Window, chosen: Window) -> float:
    values, value = _values(feature, chosen.before), payment.values[feature.of[0]]
    if not values or value is None:
        return NAN
    mean, variance = _moments(values)
    return (value - mean) / math.sqrt(variance) if variance else NAN


def _is_new(definitions: Definitions, feature: Feature, payment: Payment, whole: Window, __: Window) -> float:
    """Among the payments that pass the filter, whichever is scored, none has all the same values."""
    static = [term for term in feature.where if term.test is not Test.SAME]
    earlier = [one for one in whole.before if all(_holds(definitions, t, one, payment) for t in static)]
    names = {feature.of[0], *(term.field for term in feature.where if term.test is Test.SAME)}
    if not earlier or any(payment.values[name] is None for name in names):
        return NAN
    return all(any(one.values[name] != payment.values[name] for name in names) for one in earlier)


def _since_last(_: Definitions, __: Feature, payment: Payment, ___: Window, chosen: Window) -> float:
    times = [one.time for one in chosen.before if one.time <= payment.time]
    return (payment.time - max(times)) / 1000 if times else NAN


def _since_first(_: Definitions, __: Feature, payment: Payment, ___: Window, chosen: Window) -> float:
    times = [one.time for one in chosen.before if one.time <= payment.time]
    return (payment.time - min(times)) / 1000 if times else NAN


def _above_mean(_: Definitions, feature: Feature, __: Payment, whole: Window, chosen: Window) -> float:
    values = _values(feature, chosen.with_it)
    if not values:
        return 0
    limit = feature.factor * (sum(values) / len(values))
    latest = [one for one in whole.with_it[-feature.last :] if one in chosen.with_it]
    return sum(value > limit for value in _values(feature, latest))


def _speed(_: Definitions, feature: Feature, payment: Payment, __: Window, chosen: Window) -> float:
    located = [one for one in chosen.before if None not in _place(feature, one)]
    if not located or None in _place(feature, payment):
        return NAN
    last = _newest(located)
    hours = max(abs(payment.time - last.time), 60_000) / HOUR_MS
    return _kilometres(_place(feature, last), _place(feature, payment)) / hours


def _newest(payments: Sequence[Payment]) -> Payment:
    """Of several at the same time the one that came last."""
    return max(reversed(payments), key=lambda one: one.time)


def _place(feature: Feature, one: Payment) -> tuple[Value, ...]:
    return tuple(one.values[name] for name in feature.of)


def _kilometres(one: Sequence[Value], other: Sequence[Value]) -> float:
    """Great-circle distance by the haversine formula."""
    (latitude, longitude), (to_latitude, to_longitude) = (
        [float(np.float32(value)) for value in place if value is not None] for place in (one, other)
    )
    half_latitude, half_longitude = (
        math.radians(to_latitude - latitude) / 2,
        math.radians(to_longitude - longitude) / 2,
    )
    cosines = math.cos(math.radians(latitude)) * math.cos(math.radians(to_latitude))
    chord = math.sin(half_latitude) ** 2 + cosines * math.sin(half_longitude) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(chord)))


_AGGREGATES: dict[Operation, Aggregate] = {
    Operation.COUNT: _count,
    Operation.SHARE: _share,
    Operation.SUM: _sum,
    Operation.MEAN: _mean,
    Operation.STD: _std,
    Operation.MIN: _min,
    Operation.MAX: _max,
    Operation.DISTINCT: _distinct,
    Operation.RATIO: _ratio,
    Operation.ZSCORE: _zscore,
    Operation.IS_NEW: _is_new,
    Operation.SECONDS_SINCE_LAST: _since_last,
    Operation.SECONDS_SINCE_FIRST: _since_first,
    Operation.COUNT_ABOVE_MEAN: _above_mean,
    Operation.SPEED: _speed,
}
