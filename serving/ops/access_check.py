"""What serving must be allowed to do on Kafka; the table of all rights is in `fraud.kafka.permissions`."""

import logging

from fraud.errors import RefusedError, UnreachableError
from fraud.kafka.permission_checks import require_group, require_topic
from fraud.settings import Settings

log = logging.getLogger(__name__)


def require_permissions(settings: Settings) -> None:
    """See that every topic is there and that we may do our work.

    Raises:
        UnreachableError: Kafka, or one of its topics, is not there.
        RefusedError: Kafka does not let us in, or not do our work.
    """
    topics = settings.topics
    for topic in (topics.transactions, topics.profiles):
        require_topic(settings, topic, "read")
    for topic in (topics.predictions, topics.dead_letters):
        require_topic(settings, topic, "write")
    require_group(settings, settings.serving.group_id, "read")


def recheck_permissions(settings: Settings) -> None:
    """After a failure: a right that was lost shows as one of many errors, of which most others pass.

    Raises:
        RefusedError: a right is lost.
    """
    try:
        require_permissions(settings)
    except RefusedError:
        raise
    except UnreachableError as error:
        log.warning("%s", error)
