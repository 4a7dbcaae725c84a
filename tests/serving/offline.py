"""The offline recomputation of what serving logged, from the topics alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.admission import Admitted, Door, Refused
from fraud.features.events import encode_transactions
from fraud.features.profiles import profile_features
from fraud.features.spec import PROFILE_COLUMNS
from fraud.features.store import CardStore
from fraud.schema import MerchantProfile, Prediction
from fraud.settings import Settings
from tests.serving.world import read_all

Vector = npt.NDArray[np.float32]
Place = tuple[int, int]
"""Partition and offset."""


def recompute(settings: Settings, served: list[Prediction]) -> dict[str, Vector]:
    """Every admitted transaction's features: card by card, in the order of arrival, with a fresh memory.

    The merchant's profile is the one of the date that the prediction names.
    """
    dates = {one.transaction_id: one.profile_date for one in served}
    profiles = _profiles(settings)
    features: dict[str, Vector] = {}
    for card in _cards(settings).values():
        rows, fresh = CardStore().process(encode_transactions(card))
        for one, row, is_fresh in zip(card, rows, fresh.tolist(), strict=True):
            if is_fresh:
                name = one.transaction.transaction_id
                profile = profiles.get((one.transaction.merchant_id, dates.get(name)), _UNKNOWN)
                features[name] = np.hstack([row, profile_features(np.array([one.amount]), profile)[0]])
    return features


def mismatches(settings: Settings, served: list[Prediction]) -> list[str]:
    """Transactions whose logged features differ from the recomputation, are missing, or are too many."""
    expected = recompute(settings, served)
    logged = {one.transaction_id: _vector(one) for one in served if one.features is not None}
    odd = [name for name, row in logged.items() if not _same(row, expected.get(name))]
    missing = expected.keys() - {one.transaction_id for one in served}
    doubled = len(served) - len({one.transaction_id for one in served})
    return odd + [f"missing {name}" for name in sorted(missing)] + ["doubled"] * doubled


def odd_dead_letters(settings: Settings) -> list[str]:
    """Refused messages that have no dead letter, or more than one, or dead letters without cause."""
    refused = {place for place, verdict in _judged(settings) if not isinstance(verdict, Admitted)}
    letters = Counter(_place_of(letter) for letter in read_all(settings, settings.topics.dead_letters))
    missing = [f"missing dead letter of {place}" for place in sorted(refused - letters.keys())]
    needless = [f"needless dead letter of {place}" for place in sorted(letters.keys() - refused)]
    return missing + needless + ["doubled"] * (letters.total() - len(letters))


def _cards(settings: Settings) -> dict[str, list[Admitted]]:
    cards: dict[str, list[Admitted]] = defaultdict(list)
    for _, verdict in _judged(settings):
        if isinstance(verdict, Admitted):
            cards[verdict.transaction.card_id].append(verdict)
    return cards


def _judged(settings: Settings) -> Iterator[tuple[Place, Admitted | Refused]]:
    """Every message's place and what the door of its partition says of it, in the order of arrival."""
    doors: dict[int, Door] = defaultdict(lambda: Door(settings.admission))
    messages = [
        ((message.partition(), message.offset()), message)
        for message in read_all(settings, settings.topics.transactions)
    ]
    for place, message in sorted(messages, key=lambda one: one[0]):
        yield place, doors[place[0]].admit(message.value(), message.timestamp()[1])


def _place_of(letter: Any) -> Place:
    told = dict(letter.headers())
    return int(told["partition"]), int(told["offset"])


_UNKNOWN = np.full((1, len(PROFILE_COLUMNS)), np.nan)


def _profiles(settings: Settings) -> dict[tuple[str, str | None], npt.NDArray[np.float64]]:
    messages: list[Any] = read_all(settings, settings.topics.profiles)
    found = [msgspec.json.decode(message.value(), type=MerchantProfile) for message in messages]
    return {(one.merchant_id, one.date): np.array([one.values], dtype=np.float64) for one in found}


def _vector(served: Prediction) -> Vector:
    assert served.features is not None
    return np.array([np.nan if value is None else value for value in served.features], dtype=np.float32)


def _same(one: Vector, other: Vector | None) -> bool:
    return other is not None and np.array_equal(one, other, equal_nan=True)
