"""The permissions on Kafka that serving needs; the table of all of them is in `fraud.kafka.permissions`."""

import logging
import time
from contextlib import suppress

from fraud.deadline import Deadline
from fraud.errors import MissingTopicError, RefusedError, UnreachableError
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.profiles.messages import profile_topic
from fraud.settings import Settings

log = logging.getLogger(__name__)

_MISSING_AFTER_S = 5.0
"""A broker that has just started may not know its topics yet; what it does not know for so long is gone."""
_PAUSE_S = 0.5


def require_permissions(settings: Settings) -> None:
    """Check that every topic exists and that serving has its permissions.

    Raises:
        UnreachableError: Kafka does not answer, or a topic is missing.
        RefusedError: Kafka rejects the credentials, or a permission is missing.
    """
    topics = settings.topics
    for topic in read_topics(settings):
        require_topic(settings, topic, "read")
    for topic in (topics.predictions, topics.dead_letters):
        require_topic(settings, topic, "write")
    for topic in (topics.policies, topics.lists):
        # An installation of before policies does not have them yet.
        with suppress(MissingTopicError):
            require_topic(settings, topic, "read")
    require_group(settings, settings.serving.group_id, "read")


def read_topics(settings: Settings) -> tuple[str, ...]:
    """The topics that serving reads: those of payments, profiles and rates."""
    topics = settings.topics
    of_fields = (profile_topic(settings),) if settings.loaded_definitions.profile_features else ()
    rates = (settings.rates_topic,) if settings.rates_topic else ()
    return (topics.transactions, topics.profiles, *of_fields, *rates)


def recheck_permissions(settings: Settings) -> None:
    """Check again after a failure, since a withdrawn permission shows as one of many errors.

    Raises:
        RefusedError: a permission was withdrawn.
        MissingTopicError: a topic was deleted; to send again would not help, and no other error names it.
    """
    deadline = Deadline(_MISSING_AFTER_S)
    while True:
        try:
            require_permissions(settings)
        except RefusedError:
            raise
        except MissingTopicError:
            if deadline.is_over:
                raise
            time.sleep(_PAUSE_S)
            continue
        except UnreachableError as error:
            log.warning("%s", error)
        return
