"""What features cost: measured with the kernel itself, on payments made up for the definitions."""

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.definitions.fields import Field, FieldType
from fraud.features.events import HEAD, Events
from fraud.features.field_tables import absent_value
from fraud.features.store import CardStore
from fraud.profiles.layout import profile_columns
from fraud.profiles.values import ProfileValues

_CARDS, _EVENTS_A_MONTH = 500, 60
_FEW_CARDS = 40
_MONTH_MS = 30 * DAY_MS
_BATCH = 200
_START_MS = 1_767_225_600_000
_UNKNOWN_SHARE = 0.05


@dataclass(frozen=True)
class FeatureCost:
    """What definitions cost.

    Attributes:
        us_per_event: processor time of the kernel for a payment, in µs, in batches of 200.
        bytes_per_card: state of a card with 60 payments a month, ids of transactions included.
        bytes_of: by feature of the kernel what a card's state has more because of it; what several features
            need is nobody's.
        profile_us_per_event: processor time for the features of profiles of a payment, in µs, in batches of
            200, without looking them up.
        profile_integers: by field that has profiles how many integers a key's profile has.
    """

    us_per_event: float
    bytes_per_card: float
    bytes_of: dict[str, float]
    profile_us_per_event: float
    profile_integers: dict[str, int]


def measure_cost(definitions: Definitions) -> FeatureCost:
    """Run the kernel over 30,000 made-up payments of 500 cards, and over fewer without each feature."""
    events = made_up_events(definitions, _CARDS)
    warm_up = CardStore(definitions)
    warm_up.process(events[:_BATCH])
    fastest = min(_run_time(definitions, events) for _ in range(3))
    return FeatureCost(
        us_per_event=fastest / len(events) * 1e6,
        bytes_per_card=_state_bytes(definitions, events, _CARDS),
        bytes_of=_bytes_of_each(definitions),
        profile_us_per_event=_profile_time(definitions, events) / len(events) * 1e6,
        profile_integers={one: len(profile_columns(definitions, one)) for one in definitions.profile_fields},
    )


def made_up_events(definitions: Definitions, cards: int, seed: int = 7) -> Events:
    """Payments of a month in the order of time, with values of every declared field."""
    random = np.random.default_rng(seed)
    count = cards * _EVENTS_A_MONTH
    heads = np.zeros(count, dtype=HEAD)
    heads["card"] = random.integers(1, cards + 1, count).astype(np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    heads["transaction"] = random.integers(1, 1 << 63, count, dtype=np.uint64)
    heads["timestamp"] = _START_MS + np.sort(random.integers(0, _MONTH_MS, count))
    heads["amount"] = random.integers(1, 50_000, count)
    columns = [_values(field, heads, random) for field in definitions.fields]
    return Events(heads, np.ascontiguousarray(np.stack(columns, axis=1)))


def _values(field: Field, heads: npt.NDArray[np.void], random: np.random.Generator) -> npt.NDArray[np.int64]:
    core = {"transaction_id": "transaction", "card_id": "card", "timestamp": "timestamp", "amount": "amount"}
    if field.name in core:
        return heads[core[field.name]].astype(np.int64)
    count = len(heads)
    if field.type is FieldType.NUMBER:
        numbers = random.uniform(max(field.lowest, -1e4), min(field.highest, 1e4), count)
        numbers[random.random(count) < _UNKNOWN_SHARE] = np.nan
        return numbers.view(np.int64)
    highest = {FieldType.ID: 1 << 62, FieldType.BOOLEAN: 2, FieldType.CATEGORY: 200, FieldType.CURRENCY: 3}
    values = random.integers(0, highest.get(field.type, 50_000), count)
    if field.type in (FieldType.ID, FieldType.CATEGORY):
        # A card meets few different ones.
        values = values % 20 + 1
    if field.is_optional:
        values[random.random(count) < _UNKNOWN_SHARE] = absent_value(field.type)
    return values


def _run_time(definitions: Definitions, events: Events) -> float:
    store, start = CardStore(definitions), time.process_time()
    for first in range(0, len(events), _BATCH):
        store.process(events[first : first + _BATCH])
    return time.process_time() - start


def _profile_time(definitions: Definitions, events: Events) -> float:
    """For the features of profiles in which every figure is 1."""
    if not definitions.profile_features:
        return 0.0
    values, amounts = ProfileValues(definitions), events.values[:, definitions.field_index["amount"]]
    figures = {one: np.ones((_BATCH, len(columns)), np.int64) for one, columns in values.columns.items()}
    keys, moments = dict.fromkeys(values.fields, np.ones(_BATCH, np.int64)), np.ones(_BATCH, np.int64)
    start = time.process_time()
    for first in range(0, len(events), _BATCH):
        values.compute(figures, keys, moments, amounts[first : first + _BATCH])
    return time.process_time() - start


def _state_bytes(definitions: Definitions, events: Events, cards: int) -> float:
    store = CardStore(definitions)
    store.process(events)
    arrays = store.dump()
    sizes = {name: array.nbytes for name, array in arrays.items()}
    # The arena also has blocks that cards have outgrown, which are collected before it grows.
    sizes["events"] = int(arrays["cards"]["capacity"].sum()) * store.bytes_per_event
    return sum(sizes.values()) / cards


def _bytes_of_each(definitions: Definitions) -> dict[str, float]:
    events = made_up_events(definitions, _FEW_CARDS)
    whole = _state_bytes(definitions, events, _FEW_CARDS)
    found = {}
    for one in definitions.kernel_features:
        rest = without_feature(definitions, one.name)
        found[one.name] = whole - _state_bytes(rest, events, _FEW_CARDS) if rest.kernel_features else whole
    return found


def without_feature(definitions: Definitions, name: str) -> Definitions:
    """The definitions without a feature and those that are derived of it."""
    gone = {name}
    for column in definitions.derived_order:
        one = definitions.kernel_features[column]
        if gone & set(one.of):
            gone.add(one.name)
    return replace(definitions, features=tuple(one for one in definitions.features if one.name not in gone))
