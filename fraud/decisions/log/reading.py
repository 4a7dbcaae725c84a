"""The topic of policies, read whole or up to a position."""

import logging

from fraud.decisions.log.fold import PolicyLog
from fraud.decisions.log.signatures import signature_of
from fraud.decisions.log.state import PolicyState
from fraud.errors import DataError, MissingTopicError
from fraud.kafka.log import read_ordered
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys

log = logging.getLogger(__name__)


def read_policy_log(settings: Settings, until: int | None = None) -> PolicyLog:
    """The log of policies before the offset `until`, or all of it; without a topic it is empty.

    Raises:
        DataError: the beginning of the topic is gone, it has several partitions, or ends before `until`.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    found = PolicyLog(trusted_keys(settings))
    try:
        for number, message in enumerate(read_ordered(settings, settings.topics.policies, until)):
            if number == 0 and message.offset():
                raise DataError(_beginning_is_gone(settings, message.offset() or 0))
            found.take(message)
    except MissingTopicError as error:
        log.warning("no policy is known: %s", error)
    return found


def read_policies(settings: Settings, until: int | None = None) -> PolicyState:
    """The state of policies before the offset `until`, or now; without a topic there is none.

    Raises:
        DataError: the beginning of the topic is gone, it has several partitions, or ends before `until`.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    return read_policy_log(settings, until).state()


def read_values(settings: Settings) -> tuple[list[bytes | None], list[int]]:
    """All messages as they are, and the offsets of those that have a signature, whether or not it counts.

    Raises:
        DataError: the beginning of the topic is gone, or it has several partitions.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses, or there is no such topic.
    """
    messages = list(read_ordered(settings, settings.topics.policies))
    if messages and messages[0].offset():
        raise DataError(_beginning_is_gone(settings, messages[0].offset() or 0))
    return [one.value() for one in messages], [one.offset() or 0 for one in messages if signature_of(one)]


def _beginning_is_gone(settings: Settings, first: int) -> str:
    return (
        f"the topic {settings.topics.policies!r} begins at offset {first}: events before it were deleted, so "
        "that versions cannot be numbered; restore it, or make it again and propose the live policy"
    )
