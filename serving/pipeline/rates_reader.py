"""Rates of the base currency from the topic, as long as a worker runs."""

from confluent_kafka import Message

from fraud.money.base import BaseCurrency
from fraud.money.messages import RateMessages
from fraud.settings import Settings
from serving.pipeline.topic_follower import TopicFollower


class RatesReader:
    """Puts rates to use at each end of the topic, so that a file that is published is seen whole.

    Attributes:
        follower: the thread.
    """

    def __init__(self, settings: Settings, money: BaseCurrency) -> None:
        self._money = money
        self._rates = RateMessages(money.code)
        self.follower = TopicFollower(
            settings, settings.topics.rates, self, thread="rates", wants_removals=True, wants_every_end=True
        )

    def restart(self, partitions: int) -> None:
        """Forget what was read."""
        self._rates = RateMessages(self._money.code)

    def take(self, message: Message) -> None:
        """The next rate."""
        self._rates.apply(message)

    def reach_end(self) -> None:
        """Convert amounts by what was read from now on."""
        self._money.rates.replace(self._rates.daily())


def rates_follower(settings: Settings) -> TopicFollower | None:
    """What follows the topic of rates; None where the definitions do not take them from there."""
    money = settings.loaded_definitions.money
    return RatesReader(settings, money).follower if money and settings.rates_topic else None
