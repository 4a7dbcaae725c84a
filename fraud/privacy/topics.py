"""A card on Kafka: what can be taken off its topics, and until when the others keep it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from fraud.decisions.lists.publishing import read_lists, remove_entries
from fraud.definitions.features import DAY_MS
from fraud.errors import MissingTopicError
from fraud.kafka.log import read_ordered
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import topic_configs
from fraud.privacy.cards import NamedCard
from fraud.privacy.results import StoreResult
from fraud.settings import Settings

_REASON = "forgotten"


def event_topics(settings: Settings) -> tuple[str, ...]:
    """The topics whose messages name cards and are deleted by age alone."""
    topics = settings.topics
    return (
        topics.transactions,
        topics.predictions,
        topics.labels,
        topics.reviews,
        topics.gateway_events,
        topics.dead_letters,
        topics.label_dead_letters,
        topics.webhook_dead_letters,
    )


def require_permissions(settings: Settings) -> None:
    """See that what is to be removed can be removed, before any of it is.

    Raises:
        MissingTopicError: a topic is missing.
        RefusedError: we may not read or write one.
        UnreachableError: no broker answers.
    """
    for topic in (settings.topics.forgotten, settings.topics.lists):
        require_topic(settings, topic, "read", "write")
    require_topic(settings, settings.topics.policies, "read")


def last_moments(settings: Settings, now: int) -> dict[str, int | None]:
    """By existing event topic, the latest moment (ms) at which it has a message of before `now`.

    Kafka deletes whole segments, the youngest of which takes messages for up to `segment.ms`. None: the topic
    keeps messages indefinitely.

    Raises:
        RefusedError: we may not describe the configuration of a topic.
        UnreachableError: no broker answers.
    """
    configs = topic_configs(settings, event_topics(settings), may_be_missing=True)
    return {topic: _last_moment(config, now) for topic, config in configs.items()}


def forgotten_until(moments: Iterable[int | None]) -> int | None:
    """The moment (ms) from which on no topic has a message of before; None: some keep them indefinitely."""
    latest = 0
    # No message is of before a topic that is not there.
    for moment in moments:
        if moment is None:
            return None
        latest = max(latest, moment)
    return latest


def describe_topics(moments: dict[str, int | None]) -> list[StoreResult]:
    """Until when each event topic keeps what it has of a card."""
    return [StoreResult(f"topic: {topic}", 0, _kept(moment)) for topic, moment in moments.items()]


def describe_audit(settings: Settings, now: int) -> list[StoreResult]:
    """Until when the topic of the audit keeps what people did with a card, which it has by a reference.

    Raises:
        RefusedError: we may not describe the topic's configuration.
        UnreachableError: no broker answers.
    """
    topic = settings.topics.audit
    configs = topic_configs(settings, [topic], may_be_missing=True)
    moments = [_last_moment(config, now) for config in configs.values()]
    until = ["indefinitely" if one is None else f"until {_day(one)}" for one in moments]
    return [StoreResult(f"topic: {topic}", 0, f"by law, by reference, {one}") for one in until]


def forget_in_lists(
    settings: Settings, card: NamedCard, by: str, now: int, *, is_dry_run: bool = False
) -> list[StoreResult]:
    """Take the card off all lists.

    Raises:
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer.
    """
    named = [entry for entry in read_lists(settings) if card.has(entry.value)]
    if not is_dry_run:
        for entry in named:
            remove_entries(settings, entry.list, [entry.value], by, _REASON)
    kept = _compacted(settings, now) if named else ""
    return [StoreResult(f"topic: {settings.topics.lists}", len(named), kept)]


def find_in_policies(settings: Settings, card: NamedCard) -> list[StoreResult]:
    """Versions of the policy whose text names the card; nothing can be taken out of their log.

    Raises:
        RefusedError: we may not read the topic.
        UnreachableError: Kafka does not answer.
    """
    topic = settings.topics.policies
    try:
        named = sum(card.is_named_in(one.value() or b"") for one in read_ordered(settings, topic))
    except MissingTopicError:
        return []
    kept = f"{named} changes of the policy name it; their log is kept whole, to say why payments were decided"
    return [StoreResult(f"topic: {topic}", 0, kept if named else "")]


def _last_moment(config: dict[str, str], now: int) -> int | None:
    retention = int(config["retention.ms"])
    return None if retention < 0 else now + retention + int(config["segment.ms"])


def _compacted(settings: Settings, now: int) -> str:
    """Until when a compacted topic keeps a removed entry: its history, then the removal itself."""
    config = topic_configs(settings, [settings.topics.lists])[settings.topics.lists]
    names = ("min.compaction.lag.ms", "delete.retention.ms", "segment.ms")
    until = now + sum(int(config[name]) for name in names) + DAY_MS
    return f"the entry and its removal, for the lists of past decisions, until about {_day(until)}"


def _kept(moment: int | None) -> str:
    if moment is None:
        return "indefinitely: set the topic's retention.ms"
    return f"by age, as Kafka cannot delete by card: until {_day(moment)} at the latest"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000, UTC).strftime("%Y-%m-%d")
