"""Definitions with features of every kind over fields of every type, and payments that fit them."""

import json
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS, MINUTE_MS
from fraud.definitions.fields import CORE_FIELDS, UNKNOWN, Field, FieldType
from fraud.definitions.loading import parse_definitions
from fraud.features.events import Events, code_of, hash_identifier
from fraud.native.id_index import currency_number

START = 1_700_000_000_000
"""A Tuesday in November 2023, 22:13 UTC."""

FIELDS: dict[str, dict[str, Any]] = {
    "transaction_id": {"type": "id"},
    "card_id": {"type": "id"},
    "merchant_id": {"type": "id"},
    "amount": {"type": "money", "currency": "currency"},
    "currency": {"type": "currency"},
    "timestamp": {"type": "time"},
    "device": {"type": "id", "optional": True},
    "mode": {"type": "category", "optional": True},
    "country": {"type": "category", "optional": True},
    "fee": {"type": "money", "currency": "currency", "optional": True},
    "points": {"type": "fixed", "scale": 2, "optional": True},
    "risk": {"type": "number", "optional": True},
    "is_present": {"type": "boolean", "optional": True},
    "opened": {"type": "time", "optional": True},
    "place": {"type": "place", "columns": ["latitude", "longitude"], "optional": True},
}
TEXTS = {"mode": ("chip", "swipe", "keyed"), "country": ("DE", "US", "XX"), "currency": ("EUR", "USD")}
DEVICES = ("a", "b", "c")

_WINDOWS = ("1m", "10m", "1h", "24h", "7d", "30d", "60d", "90d")
_SUMMED = ("amount", "fee", "points", "is_present")
_HABITS = ("amount", "fee", "points")
_COMPARED = ("amount", "fee", "points", "risk", "is_present")
_DIFFERENT = ("merchant_id", "device", "mode", "country", "currency")

_CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([{"at_most": 2.0}, {"at_least": 3.0}, {"at_least": 1.0, "at_most": 3.0}]),
        "points": st.sampled_from([{"at_most": 1.0}, {"at_least": 0.5}]),
        "risk": st.sampled_from([{"at_most": 0.0}, {"at_least": 0.25}]),
        "mode": st.sampled_from(["chip", {"one_of": ["swipe", "keyed"]}]),
        "currency": st.just("EUR"),
        "device": st.just("a"),
        "is_present": st.booleans(),
    },
)
_SAME = st.lists(st.sampled_from(_DIFFERENT), max_size=2).map(lambda names: dict.fromkeys(names, "same"))


def _few(conditions: dict[str, Any]) -> bool:
    return len(conditions) <= 2


_STATIC = _CONDITIONS.filter(_few)
_ANY = st.tuples(_STATIC, _SAME).map(lambda both: both[0] | both[1])
_WINDOW = st.sampled_from(_WINDOWS)
_REFUNDS = st.sampled_from(("without", "with", "only"))


def _aggregate(names: tuple[str, ...], of: tuple[str, ...], where: st.SearchStrategy[Any]) -> Any:
    parts = {"aggregate": st.sampled_from(names), "window": _WINDOW, "where": where}
    return st.fixed_dictionaries(parts | ({"of": st.sampled_from(of)} if of else {}))


_FEATURES = st.one_of(
    st.fixed_dictionaries({"transform": st.just("value"), "of": st.sampled_from((*_COMPARED, "mode"))}),
    st.fixed_dictionaries(
        {
            "transform": st.sampled_from(("hour", "weekday", "is_night", "is_weekend")),
            "of": st.sampled_from(("timestamp", "opened")),
        },
        optional={"zone": st.sampled_from(("country", "Europe/Berlin", "America/New_York"))},
    ),
    _aggregate(("sum", "mean", "std"), _SUMMED, _ANY),
    _aggregate(("count", "seconds_since_last", "seconds_since_first"), (), _ANY),
    _aggregate(("share",), (), _ANY.filter(bool)),
    _aggregate(("min", "max"), _COMPARED, _STATIC),
    _aggregate(("ratio", "zscore"), _HABITS, _ANY),
    _aggregate(("distinct",), _DIFFERENT, _STATIC),
    _aggregate(("is_new",), _DIFFERENT, _ANY),
    st.fixed_dictionaries({"aggregate": st.just("speed"), "of": st.just("place"), "window": _WINDOW}),
    st.fixed_dictionaries(
        {
            "aggregate": st.just("count_above_mean"),
            "of": st.sampled_from(_HABITS),
            "window": _WINDOW,
            "last": st.integers(1, 12),
            "factor": st.sampled_from((0.5, 1.0, 3.0)),
        }
    ),
)


@st.composite
def kernel_definitions(draw: st.DrawFn) -> Definitions:
    """Valid definitions with up to 12 features of the kernel."""
    parts: list[dict[str, Any]] = draw(st.lists(_FEATURES, min_size=1, max_size=10))
    refunds = draw(st.sampled_from((None, True, {"mode": ["chip", "keyed"]})))
    features = [part | {"name": f"feature_{number}"} for number, part in enumerate(parts)]
    for one in features:
        if refunds and "aggregate" in one:
            one |= draw(st.fixed_dictionaries({}, optional={"refunds": _REFUNDS}))
    for number in range(draw(st.integers(0, 2)) if len(parts) > 1 else 0):
        inputs = draw(st.tuples(*[st.sampled_from([one["name"] for one in features])] * 2))
        features.append({"name": f"derived_{number}", draw(st.sampled_from(("divide", "subtract"))): inputs})
    order = draw(st.permutations([name for name in FIELDS if name not in CORE_FIELDS]))
    fields = {name: FIELDS[name] for name in (*CORE_FIELDS, *order)}
    fields["amount"] = FIELDS["amount"] | ({"refunds": refunds} if refunds else {})
    document = {
        "version": 1,
        "fields": fields,
        "entities": {"card": {"key": "card_id"}},
        "features": features,
    }
    return parse_definitions(json.dumps(document))


@st.composite
def event_streams(draw: st.DrawFn, definitions: Definitions, most: int = 40) -> Events:
    """Few cards, few values and jumps around the windows' edges, so that everything collides."""
    lengths = {feature.window_ms for feature in definitions.kernel_features if feature.window_ms} | {
        MINUTE_MS
    }
    jumps = sorted({0, 1, *lengths, *(length - 1 for length in lengths)})
    jump = st.sampled_from([*jumps, *(-one for one in jumps if one <= DAY_MS)])
    row = st.tuples(
        st.integers(1, 2), st.integers(1, 60), st.integers(0, 2), jump, *map(_values_of, definitions.fields)
    )
    rows = draw(st.lists(row, min_size=1, max_size=most))
    events, time = Events.empty(len(rows), definitions), START
    for number, (card, transaction, content, step, *values) in enumerate(rows):
        time += step
        events.values[number] = values
        head = {"card": card, "transaction": transaction, "timestamp": time, "content": content}
        for name, value in head.items():
            events.heads[name][number] = value
    _set_core(definitions, events)
    return events


def _set_core(definitions: Definitions, events: Events) -> None:
    for name, head in (("transaction_id", "transaction"), ("card_id", "card"), ("timestamp", "timestamp")):
        events.values[:, definitions.field_index[name]] = events.heads[head].astype(np.int64)
    events.heads["amount"] = events.values[:, definitions.field_index["amount"]]


def _values_of(field: Field) -> st.SearchStrategy[int]:
    """Values as `Events.values` has them."""
    if field.type in (FieldType.CATEGORY, FieldType.CURRENCY):
        encode = currency_number if field.type is FieldType.CURRENCY else code_of
        known = st.sampled_from([encode(text) for text in TEXTS.get(field.name, ("a", "b"))])
    elif field.type is FieldType.ID:
        texts = [hash_identifier(text) for text in DEVICES]
        known = st.sampled_from([int(np.uint64(one).astype(np.int64)) for one in texts])
    else:
        known = _NUMBERS[field.type] if not field.place else _COORDINATES
    return st.one_of(known, st.just(_absent(field))) if field.is_optional else known


def _bits(number: float) -> int:
    return int(np.float64(number).view(np.int64))


_COORDINATES = st.sampled_from([_bits(degrees) for degrees in (0.0, 48.1, -33.9)])
_LARGE = st.sampled_from([2**30 - 1, 2**30, 1 - 2**30, -(2**30), 2**40])
"""The least that events keep in 47 bits, and the most that they keep in 31."""
_NUMBERS = {
    FieldType.MONEY: st.one_of(st.integers(-200, 400), st.integers(-(10**8), 10**8), _LARGE),
    FieldType.FIXED: st.one_of(st.integers(-200, 200), st.integers(-(10**8), 10**8), _LARGE),
    FieldType.NUMBER: st.sampled_from(
        [_bits(one) for one in (-1e300, -1e30, -2.5, -0.0, 0.0, 1e-30, 0.25, 7e9)]
    ),
    FieldType.BOOLEAN: st.integers(0, 1),
    FieldType.TIME: st.integers(START - 400 * DAY_MS, START),
}


def _absent(field: Field) -> int:
    if field.type is FieldType.NUMBER:
        return _bits(np.nan)
    return 0 if field.type in (FieldType.ID, FieldType.CATEGORY) else UNKNOWN
