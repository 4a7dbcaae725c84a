"""The benchmarks' transactions: cheap to make, numbered, of any number of cards."""

import random
from collections.abc import Iterator

import msgspec
import numpy as np
from confluent_kafka import Producer

from benchmarks.serving.harness.shapes import V1, PaymentShape
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.kafka.clients import flush, producer_config
from fraud.schema import MerchantProfile
from fraud.settings import Settings

START_MS = 1_760_000_000_000
MERCHANTS = 2_000
_NUMBER = slice(22, 34)
_HEADROOM = 100_000


def time_of(number: int) -> int:
    """When the n-th transaction happens, in ms: one each second, independent of the sending rate.

    So cards behave alike in every benchmark, and a model that knows cards flags as many.
    """
    return START_MS + number * 1_000


def card_id(number: int) -> str:
    """The identifier of a card."""
    return f"card-{number:08d}"


class SyntheticTraffic:
    """Draws transactions; the n-th says so in its transaction_id and happens at `time_of(n)`.

    Args:
        cards: how many different ones.
        seed: of the draws.
        shape: of the payments.
    """

    def __init__(self, cards: int, seed: int = 1, shape: PaymentShape = V1) -> None:
        self._cards, self._members = cards, shape.members
        self._random = random.Random(seed)

    def draw(self, number: int) -> tuple[str, str]:
        """Key and value of the n-th."""
        draw = self._random.random
        card = card_id(int(draw() * self._cards))
        value = (
            f'{{"transaction_id":"tx-{number:012d}","card_id":"{card}",'
            f'"merchant_id":"merchant-{int(draw() * MERCHANTS):06d}","amount":"{1 + draw() * 900:.2f}",'
            f'"currency":"EUR","timestamp":{time_of(number)},'
            f'"merchant_category":"{("grocery", "travel", "games")[int(draw() * 3)]}",'
            f'"channel":"{("chip", "online")[int(draw() * 2)]}",'
            f'"country":"{("DE", "FR")[int(draw() * 2)]}",'
            f'"latitude":{45 + 10 * draw():.4f},"longitude":{5 + 10 * draw():.4f}'
            f"{self._members(number)}}}"
        )
        return card, value


def number_of(prediction: bytes) -> int:
    """The number of a prediction's transaction; its first field is the transaction_id."""
    return int(prediction[_NUMBER])


def fill(settings: Settings, messages: int, cards: int, shape: PaymentShape = V1) -> None:
    """Write the first transactions, and the merchants' profiles.

    The n-th card is in the partition n modulo their number, so that its state can be made elsewhere.
    """
    publish_profiles(settings)
    producer = Producer(producer_config(settings))
    traffic = SyntheticTraffic(cards, shape=shape)
    for number in range(messages):
        time_ms = time_of(number)
        key, value = traffic.draw(number)
        partition = int(key[-8:]) % settings.kafka.partitions
        producer.produce(settings.topics.transactions, value, key, partition, timestamp=time_ms)
        if number % 1_000 == 0:
            _make_room(producer)
    flush(producer, 60)


def _make_room(producer: Producer) -> None:
    producer.poll(0)
    while len(producer) > _HEADROOM:
        producer.poll(0.1)


def publish_profiles(settings: Settings) -> None:
    """Write the profiles of all merchants."""
    producer = Producer(producer_config(settings))
    for profile in profiles():
        producer.produce(settings.topics.profiles, msgspec.json.encode(profile), profile.merchant_id)
    flush(producer, 60)


def profiles() -> Iterator[MerchantProfile]:
    """What is known of every merchant."""
    values = np.random.default_rng(1).lognormal(3, 1, size=(MERCHANTS, len(PROFILE_COLUMNS)))
    for number, row in enumerate(values.tolist()):
        yield MerchantProfile(f"merchant-{number:06d}", "2025-10-09", 1, row)
