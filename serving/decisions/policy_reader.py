"""The log of policies, followed on a thread that parses and compiles what is to be in force."""

import logging
from queue import SimpleQueue

from confluent_kafka import Message

from fraud.decisions.list_index import ListIndex
from fraud.decisions.log.fold import PolicyLog
from fraud.errors import UnreachableError
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys
from serving.decisions.prepared_policy import ChosenPolicies, PolicyChooser, PreparedPolicy
from serving.ops.metrics import Metrics
from serving.pipeline.topic_follower import TopicFollower

log = logging.getLogger(__name__)


class PolicyReader:
    """Hands over what is in force whenever the end of the log is reached.

    Attributes:
        follower: the thread.
        pending: the choices, oldest first. The thread puts, the serving loop takes.
    """

    def __init__(self, settings: Settings, index: ListIndex, metrics: Metrics) -> None:
        self._topic = settings.topics.policies
        self._chooser = PolicyChooser(settings.loaded_definitions, index, metrics)
        self._keys, self._metrics = trusted_keys(settings), metrics
        self._log, self._is_empty, self._unsigned = PolicyLog(self._keys), True, 0
        self.pending: SimpleQueue[ChosenPolicies] = SimpleQueue()
        self.follower = TopicFollower(
            settings, self._topic, self, thread="policies",
            wants_removals=True, wants_every_end=True, may_be_missing=True,
        )  # fmt: skip

    @property
    def default(self) -> PreparedPolicy:
        """The policy of who has none; before the thread is started."""
        return self._chooser.default()

    def restart(self, partitions: int) -> None:
        """The log is read from its start."""
        require_single_partition(self._topic, partitions)
        self._log, self._is_empty = PolicyLog(self._keys), True

    def take(self, message: Message) -> None:
        """The next event.

        Raises:
            UnreachableError: the beginning of the log is gone, without which versions cannot be numbered.
        """
        if self._is_empty and message.offset():
            raise UnreachableError(
                f"the topic {self._topic!r} begins at offset {message.offset()}: events before it were "
                "deleted, so that versions cannot be numbered; restore it, or make it again and propose the "
                "live policy"
            )
        self._is_empty = False
        self._log.take(message)

    def reach_end(self) -> None:
        """Choose by all events so far."""
        self._count_unsigned()
        self.pending.put(self._chooser.choose(self._log.state()))

    def _count_unsigned(self) -> None:
        """Count the messages without a signature once, also when the log is read again."""
        added = self._log.unsigned - self._unsigned
        if added > 0:
            self._unsigned += added
            self._metrics.policies.unsigned_events.inc(added)
            log.warning(
                "%d messages of the policies have no signature that counts, and change nothing; "
                "`fraud policy log --refused` lists them", added,
            )  # fmt: skip


def require_single_partition(topic: str, partitions: int) -> None:
    """See that a topic's messages have one order.

    Raises:
        UnreachableError: it has several partitions.
    """
    if partitions > 1:
        raise UnreachableError(
            f"the topic {topic!r} has {partitions} partitions and must have one, which gives its messages "
            "their order; delete it, and let `fraud topics create` make it again"
        )
