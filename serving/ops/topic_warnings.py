"""Serving's warnings at its start about the settings of its topics; see `fraud.kafka.topic_checks`."""

import logging

from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.topic_checks import TopicFinding, check_topics
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.ops.permission_check import read_topics

log = logging.getLogger(__name__)


def check_topic_settings(settings: Settings, metrics: Metrics) -> None:
    """Log and count settings that are not as they should be, or log that they could not be read.

    Raises:
        ConfigurationError: nothing could be written to one of the topics that serving writes to.
    """
    topics = settings.topics
    written = (topics.predictions, topics.dead_letters)
    try:
        found = check_topics(settings, (*read_topics(settings), *written))
    except UnreachableError as error:
        log.warning("the settings of the topics were not checked: %s", error)
        return
    for finding in found:
        if finding.level == "fatal" and finding.topic in written:
            raise ConfigurationError(_sentence(settings, finding))
        if finding.level != "advice":
            log.warning("%s", _sentence(settings, finding))
            metrics.topic_findings.labels(finding.topic, finding.setting).set(1)


def _sentence(settings: Settings, finding: TopicFinding) -> str:
    return f"{finding}; run {finding.command(settings)}"
