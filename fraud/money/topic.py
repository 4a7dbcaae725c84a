"""Rates on a compacted topic: read whole, and brought up to date with a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from confluent_kafka import KafkaError, Message, Producer

from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.log import read_topic
from fraud.kafka.permission_checks import require_topic
from fraud.money.base import BaseCurrency
from fraud.money.messages import RateMessages, rate_message
from fraud.money.rates import DailyRates
from fraud.settings import Settings

_FLUSH_S = 60.0


@dataclass(frozen=True)
class PublishedRates:
    """What publishing a file of rates has done; rates of the topic that the file lacks stay.

    Attributes:
        added: rates that the topic did not have.
        corrected: rates that it had otherwise.
        unchanged: rates that it had.
        correction: a sentence on the first corrected rate; None if there is none.
    """

    added: int
    corrected: int
    unchanged: int
    correction: str | None


def money_of_topic(settings: Settings) -> BaseCurrency | None:
    """The base currency if the definitions take its rates from the topic, else None."""
    return settings.loaded_definitions.money if settings.rates_topic else None


def read_rates_topic(settings: Settings, base: str) -> DailyRates:
    """The rates that the topic holds now; messages that cannot be used are logged and left out.

    Raises:
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses, or there is no such topic.
    """
    found = RateMessages(base)
    for message in chain.from_iterable(read_topic(settings, settings.topics.rates)):
        found.apply(message)
    return found.daily()


def load_topic_rates(settings: Settings) -> bool:
    """Use the rates that the topic holds now, if the definitions take them from there; whether they do.

    Raises:
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses, or there is no such topic.
    """
    money = money_of_topic(settings)
    if money is not None:
        money.rates.replace(read_rates_topic(settings, money.code))
    return money is not None


def publish_rates(settings: Settings, daily: DailyRates) -> PublishedRates:
    """Put the rates on the topic that it does not have, or has otherwise.

    Raises:
        ConfigurationError: the definitions do not read the topic, or have another base.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    money = money_of_topic(settings)
    if money is None or money.code != daily.base:
        raise ConfigurationError(_not_read(settings))
    require_topic(settings, settings.topics.rates, "write")
    former = read_rates_topic(settings, daily.base)
    changed = {place: rate for place, rate in daily.rates.items() if former.rates.get(place) != rate}
    corrected = changed.keys() & former.rates.keys()
    _send(settings, daily.base, changed)
    after = DailyRates(daily.base, {**former.rates, **{place: changed[place] for place in corrected}})
    last_day = max((day for day, _ in corrected), default=0)
    return PublishedRates(
        added=len(changed) - len(corrected),
        corrected=len(corrected),
        unchanged=len(daily.rates) - len(changed),
        correction=former.describe_change(after, last_day),
    )


def _not_read(settings: Settings) -> str:
    definitions = settings.loaded_definitions
    now = f"rates: {definitions.money.path}" if definitions.money else "no base currency"
    return (
        f"{definitions.source} has {now}, so nobody reads the topic {settings.topics.rates!r}; "
        "write money: {base: EUR, rates: topic} in the file that FRAUD_DEFINITIONS names, with your base"
    )


def _send(settings: Settings, base: str, rates: Mapping[tuple[int, str], int]) -> None:
    producer = Producer(producer_config(settings))
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for (day, currency), rate in sorted(rates.items()):
        key, value = rate_message(base, day, currency, rate)
        producer.produce(settings.topics.rates, value, key, on_delivery=delivered)
        producer.poll(0)
    flush(producer, _FLUSH_S)
    if failures:
        raise UnreachableError(
            f"{len(failures)} rates did not reach {settings.topics.rates!r}: {failures[0].str()}"
        )
