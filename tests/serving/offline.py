"""The offline recomputation of what serving logged, from the topics alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.features.events import Events, encode_transactions
from fraud.features.profiles import PROFILE_COLUMNS, ProfileFeatures
from fraud.features.store import CardStore
from fraud.messages.admission import AdmissionFilter, Admitted, Refused
from fraud.native.id_index import ACCEPTED, CONFLICT_REASON
from fraud.profiles.values import NO_MOMENT
from fraud.schema import MerchantProfile, Prediction
from fraud.settings import Settings
from tests.definitions import EXTENDED, PROFILED, V1
from tests.serving.made_up_profiles import features_at
from tests.serving.world import read_all

DEFINITIONS: dict[str | None, Definitions] = {None: V1, EXTENDED.digest: EXTENDED, PROFILED.digest: PROFILED}
"""By what predictions name them."""

Vector = npt.NDArray[np.float32]
LogPosition = tuple[int, int]
"""Partition and offset."""


Payment = tuple[str, str]
"""Card and transaction_id."""


def recompute(
    settings: Settings, served: list[Prediction], definitions: Definitions = V1
) -> dict[Payment, Vector]:
    """Every admitted transaction's features: card by card, in the order of arrival, with a fresh memory.

    The merchant's daily profile is the one of the date that the prediction names, those of fields are of the
    made-up history at its moment.
    """
    dates = {payment_of(one): one.profile_date for one in served}
    moments = {payment_of(one): one.profile_moment for one in served}
    profiles, of_profiles = _profiles(settings), ProfileFeatures(definitions)
    features: dict[Payment, Vector] = {}
    for found in _cards(settings, definitions).values():
        card, offsets = [one for _, one in found], np.array([offset for offset, _ in found])
        events = encode_transactions(definitions, card)
        store = CardStore(definitions, memory=settings.memory)
        rows, fresh = store.process(events, offsets=offsets)
        of_card = [moments.get(payment_of(one.transaction)) for one in card]
        of_fields = _of_fields(definitions, events, of_card)
        for one, row, field_row, outcome in zip(card, rows, of_fields, fresh.tolist(), strict=True):
            if outcome == ACCEPTED:
                name = payment_of(one.transaction)
                profile = profiles.get((one.transaction.merchant_id, dates.get(name)), _UNKNOWN)
                of_merchant = of_profiles.compute(np.array([one.amount]), profile)[0]
                features[name] = np.hstack([row, of_merchant, field_row])
    return features


def _of_fields(
    definitions: Definitions, events: Events, moments_ms: list[int | None]
) -> npt.NDArray[np.float32]:
    """The features of profiles of fields, as of the moments that the predictions name."""
    if not definitions.profile_features:
        return np.empty((len(events), 0), dtype=np.float32)
    moments = [NO_MOMENT if one is None else one // definitions.profile_every_ms for one in moments_ms]
    return features_at(definitions, events, np.array(moments, dtype=np.int64))


def mismatches(settings: Settings, served: list[Prediction]) -> list[str]:
    """Transactions whose logged features differ from the recomputation, are missing, or are too many.

    Each is recomputed with the definitions that its prediction names.
    """
    used = {one.definitions for one in served}
    expected = {digest: recompute(settings, served, DEFINITIONS[digest]) for digest in used}
    differing = [
        str(payment_of(one))
        for one in served
        if one.features is not None
        and not _same(_vector(one), expected[one.definitions].get(payment_of(one)))
    ]
    admitted = {name for features in expected.values() for name in features}
    missing = admitted - {payment_of(one) for one in served}
    doubled = len(served) - len({payment_of(one) for one in served})
    return differing + [f"missing {name}" for name in sorted(missing)] + ["doubled"] * doubled


def wrong_dead_letters(settings: Settings) -> list[str]:
    """Refused messages that have no dead letter, or more than one, or dead letters without cause."""
    refused = {
        position for position, outcome in _admission_outcomes(settings) if not isinstance(outcome, Admitted)
    }
    letters = Counter(_position_of(letter) for letter in read_all(settings, settings.topics.dead_letters))
    missing = [f"missing dead letter of {position}" for position in sorted(refused - letters.keys())]
    needless = [f"needless dead letter of {position}" for position in sorted(letters.keys() - refused)]
    return missing + needless + ["doubled"] * (letters.total() - len(letters))


def admitted_payments(settings: Settings, definitions: Definitions = V1) -> dict[Payment, Admitted]:
    """Every admitted payment as it came first."""
    found: dict[Payment, Admitted] = {}
    for _, outcome in _admission_outcomes(settings, definitions):
        if isinstance(outcome, Admitted):
            found.setdefault(payment_of(outcome.transaction), outcome)
    return found


def _cards(settings: Settings, definitions: Definitions) -> dict[tuple[int, str], list[tuple[int, Admitted]]]:
    """What each partition knows of each card, with the offsets."""
    cards: dict[tuple[int, str], list[tuple[int, Admitted]]] = defaultdict(list)
    for (partition, offset), outcome in _admission_outcomes(settings, definitions):
        if isinstance(outcome, Admitted):
            cards[partition, outcome.transaction.card_id].append((offset, outcome))
    return cards


def _admission_outcomes(
    settings: Settings, definitions: Definitions = V1
) -> Iterator[tuple[LogPosition, Admitted | Refused]]:
    """Every message's position and whether it is admitted in its partition, in the order of arrival."""
    filters: dict[int, AdmissionFilter] = defaultdict(
        lambda: AdmissionFilter(definitions, settings.admission)
    )
    taken: dict[tuple[int, str], Any] = {}
    messages = [
        ((message.partition(), message.offset()), message)
        for message in read_all(settings, settings.topics.transactions)
    ]
    for position, message in sorted(messages, key=lambda one: one[0]):
        outcome = filters[position[0]].validate(message.value(), message.timestamp()[1])
        if isinstance(outcome, Admitted):
            # The streams of the tests are shorter than an id is taken for.
            first = taken.setdefault((position[0], outcome.transaction.transaction_id), outcome.transaction)
            if first != outcome.transaction:
                outcome = Refused(CONFLICT_REASON)
        yield position, outcome


def payment_of(one: Any) -> Payment:
    """What identifies a payment: two cards may have used one id."""
    return one.card_id, one.transaction_id


def _position_of(letter: Any) -> LogPosition:
    headers = dict(letter.headers())
    return int(headers["partition"]), int(headers["offset"])


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
