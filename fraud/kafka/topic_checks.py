"""Checks of the topics: their real configuration against the needs of the system.

A card's state is rebuilt from `transactions`, so what Kafka deletes or compacts too early changes features
without an error. Doctor, the replay, serving's start and `fraud topics create` read the same table of needs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from fraud.definitions.features import DAY_MS
from fraud.kafka.topics import (
    CLOCK_AHEAD_MS,
    LIST_HISTORY_MS,
    TopicLayout,
    topic_configs,
    topic_layouts,
    topic_plans,
)
from fraud.profiles.messages import profile_topic
from fraud.settings import Settings

Level = Literal["fatal", "harmful", "advice"]
"""`fatal`: nothing can be written or read so; `harmful`: features, history or messages are lost in time."""

_NO_LIMIT = -1
_LARGEST_BATCH = 1_048_588
"""Bytes; Kafka's default, which is what our producers' batches may come to."""
_AUDIT_DAYS = 365
_LETTERS_WAIT_DAYS = 30
_SMALLEST_SEGMENT = 1 << 20
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class TopicFinding:
    """A setting of a topic that is not as it should be.

    `fix` is the value to set; empty where no command of Kafka fixes it.
    """

    topic: str
    setting: str
    value: str
    needed: str
    why: str
    level: Level
    fix: str = ""

    def __str__(self) -> str:
        return f"the topic {self.topic} has {self.setting}={self.value}, needed is {self.needed}: {self.why}"

    def command(self, settings: Settings) -> str:
        """What an administrator runs to set it right; empty if that takes more than a command."""
        if not self.fix:
            return ""
        servers = settings.kafka.bootstrap_servers
        if self.setting == "partitions":
            what = f"--partitions {self.fix}"
            return f"kafka-topics.sh --bootstrap-server {servers} --alter --topic {self.topic} {what}"
        return (
            f"kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics "
            f"--entity-name {self.topic} --add-config {self.setting}={self.fix}"
        )


@dataclass(frozen=True)
class _Need:
    """What one setting of a topic must be."""

    setting: str
    is_met: Callable[[str], bool]
    needed: str
    why: str
    fix: str = ""
    level: Level = "harmful"


def check_topics(settings: Settings, topics: Iterable[str] | None = None) -> list[TopicFinding]:
    """What is not as it should be with those of `topics` (by default all of ours) that exist.

    Raises:
        RefusedError: we may not describe the configuration of one of them.
        UnreachableError: no broker answers.
    """
    needs = topic_needs(settings)
    layouts = topic_layouts(settings)
    wanted = [topic for topic in (needs if topics is None else topics) if topic in layouts]
    configs = topic_configs(settings, wanted)
    return [
        finding
        for topic in wanted
        for finding in (
            *_unmet(topic, configs[topic], needs[topic]),
            *_layout_findings(settings, topic, layouts, configs[topic]),
        )
    ]


def history_findings(
    settings: Settings, topic: str, oldest: int, newest: int, now: int
) -> list[TopicFinding]:
    """What would keep messages of the times (ms) from `oldest` to `newest` out of a topic, or delete them.

    Raises:
        RefusedError: we may not describe the configuration of the topic.
        UnreachableError: no broker answers, or there is no such topic.
    """
    age, ahead = now - oldest, newest - now
    kept = _days(age)
    needs = [
        _at_least("retention.ms", age, f"Kafka would delete what is {kept} old", fix=str(_NO_LIMIT)),
        _unlimited_bytes("Kafka deletes the oldest of a history that is larger", "advice"),
        _no_compaction("of a card only the newest message would stay"),
        _at_least("message.timestamp.before.max.ms", age, f"Kafka refuses what is {kept} old"),
        _at_least("message.timestamp.difference.max.ms", age, f"Kafka refuses what is {kept} old"),
        _at_least("message.timestamp.after.max.ms", ahead, "Kafka refuses what is so far ahead of its clock"),
        _create_time("Kafka replaces the times of a history by its own", "advice"),
    ]
    return _unmet(topic, topic_configs(settings, [topic])[topic], needs)


def plan_differences(settings: Settings) -> dict[str, list[str]]:
    """By existing topic, what is set otherwise than `fraud topics create` would set it.

    Raises:
        RefusedError: we may not describe the configuration of one of them.
        UnreachableError: no broker answers.
    """
    layouts = topic_layouts(settings)
    plans = [plan for plan in topic_plans(settings) if plan.name in layouts]
    configs = topic_configs(settings, [plan.name for plan in plans])
    found = {}
    for plan in plans:
        layout, config = layouts[plan.name], configs[plan.name]
        planned = plan.config | plan.optional
        there = {name: config[name] for name in planned if name in config}
        planned["partitions"] = str(plan.partitions or settings.kafka.partitions)
        there["partitions"] = str(layout.partitions)
        differ = [name for name, value in there.items() if value != planned[name]]
        found[plan.name] = [f"{name}={there[name]} instead of {planned[name]}" for name in differ]
    return found


def topic_needs(settings: Settings) -> dict[str, Sequence[_Need]]:
    """By topic, what its settings must be."""
    topics = settings.topics
    of_fields = settings.loaded_definitions.profile_features
    return {
        topics.transactions: _transactions(settings),
        topics.labels: _labels(settings),
        topics.predictions: _predictions(settings),
        topics.profiles: _profiles(),
        **({profile_topic(settings): _profiles()} if of_fields else {}),
        topics.dead_letters: _letters(),
        topics.label_dead_letters: _letters(),
        **({settings.rates_topic: _rates()} if settings.rates_topic else {}),
        topics.policies: _policies(),
        topics.lists: _lists(),
        topics.reviews: _events(),
        topics.audit: _audit(),
        topics.gateway_events: _events(),
        topics.webhook_dead_letters: _letters(),
        topics.forgotten: _forgotten(),
    }


def state_retention_ms(settings: Settings) -> int:
    """How long a transaction must be kept, so that a card's state can be rebuilt: window, lateness, a day."""
    history = settings.loaded_definitions.history_ms
    return history + settings.admission.lateness // _MILLISECOND + DAY_MS


def history_days(settings: Settings) -> int:
    """The days that a training looks at, with those until its labels count as matured."""
    training = settings.training
    return training.train_days + training.validation_days + training.test_days + training.label_delay.days


def _transactions(settings: Settings) -> list[_Need]:
    state_ms, admission = state_retention_ms(settings), settings.admission
    lateness_ms = admission.lateness // _MILLISECOND
    history_ms = history_days(settings) * DAY_MS
    state = "a card's state is rebuilt from the last 30 days of the topic"
    history = f"a new lake could not be filled with the {history_days(settings)} days that a training uses"
    return [
        _at_least("retention.ms", state_ms, state, fix=str(max(state_ms, history_ms))),
        _at_least("retention.ms", history_ms, history, level="advice"),
        _unlimited_bytes("a limit of bytes may delete what a card's state is rebuilt from"),
        _no_compaction("of a card only the newest payment would stay"),
        _create_time("the Kafka time of a payment is its event time, from which the state's replay starts"),
        _at_least(
            "message.timestamp.before.max.ms", lateness_ms, "Kafka refuses payments that are only late"
        ),
        _at_least(
            "message.timestamp.difference.max.ms", lateness_ms, "Kafka refuses payments that are only late"
        ),
        *_clock(admission.clock_skew // _MILLISECOND),
        _at_least("max.message.bytes", admission.max_bytes, "Kafka refuses messages that serving would take"),
        *_segments(),
    ]


def _labels(settings: Settings) -> list[_Need]:
    state_ms = state_retention_ms(settings)
    return [
        _at_least("retention.ms", state_ms, "a report that comes late could go before it is ingested"),
        _unlimited_bytes("a limit of bytes may delete reports before they are ingested"),
        _no_compaction("of a card only the newest report would stay"),
        _create_time("the Kafka time of a label is the moment of its report"),
        *_clock(0),
        *_segments(),
    ]


def _predictions(settings: Settings) -> list[_Need]:
    monitoring, training = settings.monitoring, settings.training
    days = monitoring.window_days + training.label_delay.days
    why = f"the monitor holds labels against the predictions of {days} days"
    return [
        _at_least("retention.ms", days * DAY_MS, why),
        _no_compaction("of a card only the newest prediction would stay"),
        _batches(),
        *_segments(),
    ]


def _profiles() -> list[_Need]:
    why = "serving reads the newest profile of every key from the beginning of the topic"
    is_compacted = partial(_is, "compact")
    return [_Need("cleanup.policy", is_compacted, "compact", why, "compact"), _batches(), *_segments()]


def _rates() -> list[_Need]:
    why = "serving and ingest read the rates of all days from the beginning of the topic"
    is_compacted = partial(_is, "compact")
    return [_Need("cleanup.policy", is_compacted, "compact", why, "compact"), _batches(), *_segments()]


def _policies() -> list[_Need]:
    why = "the versions of the policy are numbered by their place in the topic, from its beginning on"
    return [
        _Need("retention.ms", partial(_is, str(_NO_LIMIT)), str(_NO_LIMIT), why, str(_NO_LIMIT)),
        _unlimited_bytes(why),
        _no_compaction(why),
        _batches(),
        *_segments(),
    ]


def _lists() -> list[_Need]:
    why = "serving reads all entries of the lists from the beginning of the topic"
    past = "the lists of an earlier decision can no longer be read again"
    return [
        _Need("cleanup.policy", partial(_is, "compact"), "compact", why, "compact"),
        _at_least("min.compaction.lag.ms", LIST_HISTORY_MS, past, level="advice"),
        _at_least("delete.retention.ms", LIST_HISTORY_MS, past, level="advice"),
        _batches(),
        *_segments(),
    ]


def _forgotten() -> list[_Need]:
    why = "a card that was forgotten is stored again if the topic loses it before the log does"
    is_compacted = partial(_is, "compact")
    return [_Need("cleanup.policy", is_compacted, "compact", why, "compact"), _batches(), *_segments()]


def _events() -> list[_Need]:
    return [_no_compaction("of a card only the newest event would stay"), _batches(), *_segments()]


def _audit() -> list[_Need]:
    why = "PCI DSS 10.5.1 asks for the audit of twelve months"
    return [
        _at_least("retention.ms", _AUDIT_DAYS * DAY_MS, why, level="advice"),
        _no_compaction("of a person only the newest action would stay"),
        _batches(),
        *_segments(),
    ]


def _letters() -> list[_Need]:
    wait_ms = _LETTERS_WAIT_DAYS * DAY_MS
    return [
        _at_least("retention.ms", wait_ms, "a dead letter waits for somebody who fixes its cause"),
        _no_compaction("of a card only the newest dead letter would stay"),
        _batches(),
        *_segments(),
    ]


def _at_least(
    setting: str, least: int, why: str, *, fix: str | None = None, level: Level = "harmful"
) -> _Need:
    unit = f" ({_days(least)})" if setting.endswith(".ms") else ""
    fix = str(least) if fix is None else fix
    return _Need(setting, partial(_reaches, least), f"at least {least}{unit}", why, fix, level)


def _unlimited_bytes(why: str, level: Level = "harmful") -> _Need:
    unlimited = str(_NO_LIMIT)
    return _Need("retention.bytes", partial(_is, unlimited), unlimited, why, unlimited, level)


def _no_compaction(why: str) -> _Need:
    return _Need("cleanup.policy", partial(_is, "delete"), "delete", why, "delete")


def _create_time(why: str, level: Level = "harmful") -> _Need:
    wanted = "CreateTime"
    return _Need("message.timestamp.type", partial(_is, wanted), wanted, why, wanted, level)


def _batches() -> _Need:
    why = "Kafka refuses a full batch of ours, which is then sent again without end"
    return _at_least("max.message.bytes", _LARGEST_BATCH, why)


def _clock(skew_ms: int) -> list[_Need]:
    """Neither less than what admission allows, nor so much that a wrong clock's message stays."""
    setting, most = "message.timestamp.after.max.ms", max(DAY_MS, skew_ms)
    far = "a clock that is far ahead gets into the log, and Kafka keeps its segment until that time has come"
    return [
        _at_least(setting, skew_ms, "Kafka refuses what admission allows to be ahead"),
        _Need(
            setting, lambda value: int(value) <= most, f"at most {most} ({_days(most)})", far,
            str(max(CLOCK_AHEAD_MS, skew_ms)), "advice",
        ),
    ]  # fmt: skip


def _segments() -> list[_Need]:
    why = "so small segments make so many files that a broker runs out of them"
    return [
        _at_least("segment.bytes", _SMALLEST_SEGMENT, why, level="advice"),
        _at_least("segment.ms", DAY_MS // 24, why, level="advice"),
    ]


def _reaches(least: int, value: str) -> bool:
    return int(value) == _NO_LIMIT or int(value) >= least


def _is(wanted: str, value: str) -> bool:
    return value == wanted


def _unmet(topic: str, config: dict[str, str], needs: Iterable[_Need]) -> list[TopicFinding]:
    """A setting that this Kafka does not know is none; of several needs of one setting the first counts."""
    found: dict[str, TopicFinding] = {}
    for need in needs:
        value = config.get(need.setting)
        if value is not None and not need.is_met(value):
            finding = TopicFinding(topic, need.setting, value, need.needed, need.why, need.level, need.fix)
            found.setdefault(need.setting, finding)
    return list(found.values())


def _layout_findings(
    settings: Settings, topic: str, layouts: dict[str, TopicLayout], config: dict[str, str]
) -> list[TopicFinding]:
    return [
        finding
        for finding in (
            _replicas(topic, layouts[topic].replicas, int(config.get("min.insync.replicas", 1))),
            _partitions(settings, topic, layouts),
        )
        if finding is not None
    ]


def _replicas(topic: str, replicas: int, in_sync: int) -> TopicFinding | None:
    """Our producers wait for all replicas in sync (`acks=all`)."""
    setting = "min.insync.replicas"
    if in_sync > replicas:
        why = f"the topic has {replicas} replicas, so that nothing can be written"
        return TopicFinding(topic, setting, str(in_sync), f"at most {replicas}", why, "fatal", str(replicas))
    if in_sync == replicas > 1:
        why = f"with one of {replicas} replicas away nothing can be written"
        most = str(replicas - 1)
        return TopicFinding(topic, setting, str(in_sync), f"at most {most}", why, "advice", most)
    if in_sync == 1 and replicas > 2:
        why = "what one replica has acknowledged is lost with it"
        return TopicFinding(topic, setting, "1", "at least 2", why, "advice", "2")
    return None


def _partitions(settings: Settings, topic: str, layouts: dict[str, TopicLayout]) -> TopicFinding | None:
    """Payments, labels and predictions of a card lie in the partition of the same number."""
    why = _ordered_topics(settings).get(topic)
    if why is not None and layouts[topic].partitions > 1:
        why = f"{why}; make the topic again"
        return TopicFinding(topic, "partitions", str(layouts[topic].partitions), "1", why, "harmful")
    transactions = settings.topics.transactions
    if topic not in (settings.topics.labels, settings.topics.predictions) or transactions not in layouts:
        return None
    wanted, there = layouts[transactions].partitions, layouts[topic].partitions
    if wanted == there:
        return None
    why = f"a card's payments in {transactions} have another partition than what belongs to them here"
    more = str(wanted) if wanted > there else ""
    return TopicFinding(topic, "partitions", str(there), str(wanted), why, "advice", more)


def _ordered_topics(settings: Settings) -> dict[str | None, str]:
    """By topic of one partition, why it may not have several."""
    return {
        settings.rates_topic: "a correction may be read before the rate that it corrects",
        settings.topics.policies: "the events of policies have no order in several, and are not read",
        settings.topics.lists: "the entries of lists have no common position in several, and are not read",
        settings.topics.forgotten: "a card that was forgotten again has no order in several, and is not read",
    }


def _days(milliseconds: int) -> str:
    days = milliseconds / DAY_MS
    return f"{days:,.0f} days" if days >= 2 else f"{milliseconds / 3_600_000:,.1f} hours"
