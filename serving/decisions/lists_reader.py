"""The topic of lists, followed on a thread: what changes, up to which position."""

import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass
from queue import SimpleQueue

from confluent_kafka import Message

from fraud.decisions.lists.entries import ListEntry, read_change
from fraud.messages.decoding import Decoder, MessageError
from fraud.settings import Settings
from serving.decisions.policy_reader import require_single_partition
from serving.pipeline.topic_follower import TopicFollower

log = logging.getLogger(__name__)

Value = tuple[str, str]
"""A list and a value."""


@dataclass(frozen=True)
class ListChanges:
    """What changed since the last ones.

    Attributes:
        is_complete: the topic was read from its start, and these are all entries there are.
        entries: added or changed, with their expiries: event times (ms) or None.
        removed: the others.
        position: the offset before which all entries are known.
    """

    is_complete: bool
    entries: Mapping[Value, int | None]
    removed: Set[Value]
    position: int


class ListsReader:
    """Hands changes over whenever the end of the topic is reached.

    Attributes:
        follower: the thread.
        pending: changes, oldest first. The thread puts, the serving loop takes.
    """

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.lists
        self._decoder = Decoder(ListEntry)
        self.pending: SimpleQueue[ListChanges] = SimpleQueue()
        self.restart(0)
        self.follower = TopicFollower(
            settings, self._topic, self, thread="lists",
            wants_removals=True, wants_every_end=True, may_be_missing=True,
        )  # fmt: skip

    def restart(self, partitions: int) -> None:
        """The topic is read from its start."""
        require_single_partition(self._topic, partitions)
        self._is_complete = True
        self._position = 0
        self._forget()

    def take(self, message: Message) -> None:
        """The next message; one that is no entry is left out and said."""
        offset = message.offset() or 0
        self._position = offset + 1
        try:
            change = read_change(self._decoder, message.key(), message.value())
        except MessageError as error:
            log.warning("offset %d of the lists is no entry and is left out: %s", offset, error)
            return
        value = (change.list, change.value)
        if change.entry is None:
            self._entries.pop(value, None)
            self._removed.add(value)
        else:
            self._removed.discard(value)
            self._entries[value] = change.entry.expires

    def reach_end(self) -> None:
        """Hand over what was taken."""
        self.pending.put(ListChanges(self._is_complete, self._entries, self._removed, self._position))
        self._is_complete = False
        self._forget()

    def _forget(self) -> None:
        self._entries: dict[Value, int | None] = {}
        self._removed: set[Value] = set()
