"""Checks of the topics before anything is produced, so that nothing replayed is lost or refused."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError, UnreachableError
from fraud.kafka.admin.controller import ask_controller
from fraud.kafka.log import read_topic
from fraud.kafka.topic_checks import history_findings
from fraud.kafka.topics import topic_config
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import Settings

_NEVER = -1
_APART = (
    "keep this file apart, in a Kafka of its own "
    '(`export FRAUD_HOME=own-data; fraud up; eval "$(fraud env)"`) '
    "or in topics of its own (`export FRAUD_TOPICS__TRANSACTIONS=own_transactions "
    "FRAUD_TOPICS__LABELS=own_labels; fraud topics create`)"
)


@dataclass(frozen=True)
class EventTimeRange:
    """First and last event time (ms) of what is to be published."""

    first: int
    last: int


def remove_retention_limit(settings: Settings, topic: str) -> None:
    """Take the topic's limit of age away.

    Raises:
        UnreachableError: the broker refuses.
    """
    entry = ConfigEntry("retention.ms", str(_NEVER), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    answers = ask_controller(
        settings,
        lambda admin, limit_s: admin.incremental_alter_configs([resource], request_timeout=limit_s),
    )
    try:
        answers[resource].result()
    except KafkaException as error:
        raise UnreachableError(
            f"the retention of {topic} cannot be changed: {error.args[0].str()}"
        ) from error


def require_retention(settings: Settings, topic: str, oldest: int, *, is_shifted: bool = False) -> None:
    """See that the brokers would not delete the oldest event (ms) for its age.

    Raises:
        DataError: they would.
    """
    days = days_too_short(settings, topic, oldest)
    if days is None:
        return
    advice = (
        "add --keep-forever (which sets the topic's retention.ms to -1, as FRAUD_KAFKA__RETENTION_DAYS=-1 "
        "does for "
        "topics yet to be created)"
    )
    moved = ", even with --shift-to-now," if is_shifted else ""
    raise DataError(
        f"the topic {topic} keeps events for {days} days and the file's oldest is{moved} of "
        f"{_date(oldest)}, so "
        f"that Kafka would delete it: {advice}" + ("" if is_shifted else " or --shift-to-now")
    )


def require_accepted(settings: Settings, topic: str, oldest: int, newest: int) -> list[str]:
    """Require that Kafka accepts and keeps messages of the times (ms) `oldest` to `newest`.

    Returns:
        Warnings.

    Raises:
        DataError: it would not; names the setting and the command.
    """
    found = history_findings(settings, topic, oldest, newest, int(time.time() * 1_000))
    for one in found:
        if one.level != "advice":
            raise DataError(f"{one}; run {one.command(settings)}, or use a separate topic")
    return [f"{one}; if that matters, run {one.command(settings)}" for one in found]


def days_too_short(settings: Settings, topic: str, oldest: int) -> int | None:
    """For how many days the topic keeps events, if that is too short for one of the time `oldest` (ms)."""
    retention = int(topic_config(settings, topic)["retention.ms"])
    kept = retention == _NEVER or int(time.time() * 1_000) - oldest <= retention
    return None if kept else retention // DAY_MS


def require_not_behind(
    settings: Settings, topic: str, span: EventTimeRange, *, is_shifted: bool = False
) -> None:
    """See that the topic holds no transaction that makes the file's oldest event count as too late.

    Raises:
        DataError: it does; advises --shift-to-now only where that would help.
    """
    newer = _admitted_after(settings, topic, span.first + _lateness(settings))
    if newer is None:
        return
    days = (span.last - span.first) // DAY_MS
    if is_shifted:
        raise DataError(
            f"the topic {topic} already holds a transaction of {_date(newer)}, and the file spans {days} "
            f"days, so that "
            f"even with --shift-to-now its first, of {_date(span.first)} then, would be refused as late: "
            f"{_APART}, or "
            "a part of the file that is not longer than the topic has been silent"
        )
    raise DataError(
        f"the topic {topic} already holds a transaction of {_date(newer)}, so that the file's, which "
        f"begin on {_date(span.first)}, would be refused as late: {_APART}"
        + (" or add --shift-to-now" if _would_shifting_help(settings, topic, span) else "")
    )


def _would_shifting_help(settings: Settings, topic: str, span: EventTimeRange) -> bool:
    """Whether the topic holds nothing that is too new for the file, were its last event now."""
    first = int(time.time() * 1_000) - (span.last - span.first)
    return _admitted_after(settings, topic, first + _lateness(settings)) is None


def _lateness(settings: Settings) -> int:
    return int(settings.admission.lateness.total_seconds() * 1_000)


def _admitted_after(settings: Settings, topic: str, bound: int) -> int | None:
    """The time (ms) of a transaction in the topic that is later than `bound`, if any."""
    with closing(read_topic(settings, topic, bound + 1)) as batches:
        times = (_event_time(settings, message) for batch in batches for message in batch)
        return next((time_ms for time_ms in times if time_ms > bound), None)


def _event_time(settings: Settings, message: Message) -> int:
    """Its event time; 0 if admission refuses it."""
    admission = AdmissionFilter(settings.loaded_definitions, settings.admission, cards=settings.card_rule)
    validated = admission.validate(message.value(), message.timestamp()[1])
    return validated.transaction.timestamp if isinstance(validated, Admitted) else 0


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d")
