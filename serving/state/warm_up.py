"""Makes the state of new definitions beside a running group: what `python -m serving --warm-up` calls.

It replays each partition to the position that the group has committed and writes a snapshot, again until a
round is short. It joins no group, commits nothing and publishes nothing. Workers that are started with the
same definitions then restore from these snapshots, and replay only what has come since. A worker does this
itself before it joins a group that scores, wherever it would have to replay much.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from confluent_kafka import KafkaException

from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.admin.groups import has_members
from fraud.kafka.offsets import committed_offsets
from fraud.kafka.permission_checks import require_topic
from fraud.messages.formats.payloads import payloads_of
from fraud.money.topic import load_topic_rates
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.ops.shutdown import StoppedError
from serving.state.partition_state import PartitionState
from serving.state.replay import RestorationCancelledError
from serving.state.restoration import Restoration
from serving.state.snapshots import Snapshots

log = logging.getLogger(__name__)

_THREADS = 2
_LONGEST_ROUND_S = 10.0
"""A worker that starts after a round this long replays what arrived within it, in a fraction of the time."""
_MOST_ROUNDS = 20


def warm_up(settings: Settings, stop: threading.Event) -> None:
    """Write snapshots for the settings' definitions until they are close to the group's positions.

    Raises:
        ConfigurationError: snapshots are switched off.
        StoppedError: `stop` was set meanwhile.
        UnreachableError: Kafka or the lake fails, or the group is faster than the replay.
    """
    serving = settings.serving
    if not serving.snapshot_interval_s:
        raise ConfigurationError(
            "FRAUD_SERVING__SNAPSHOT_INTERVAL_S is 0, so workers read no snapshots and nothing can be warmed "
            "up for them; set it to 300"
        )
    load_topic_rates(settings)
    _warm_up_partitions(settings, range(require_topic(settings, settings.topics.transactions)), stop)


def warm_up_missing(settings: Settings, stop: threading.Event) -> None:
    """Warm up the partitions that a worker would replay for long, before it joins a group that scores.

    It may join at once where nobody scores meanwhile. Whatever fails costs a replay after joining.

    Raises:
        StoppedError: `stop` was set meanwhile.
    """
    serving = settings.serving
    if not serving.snapshot_interval_s:
        return
    try:
        partitions = _with_long_replay(settings) if has_members(settings, serving.group_id) else []
        if partitions:
            log.info("others score meanwhile: warming up %d partitions before joining", len(partitions))
            _warm_up_partitions(settings, partitions, stop)
    except (UnreachableError, KafkaException) as error:
        log.warning("joining without having warmed up: %s", error)


def _with_long_replay(settings: Settings) -> list[int]:
    """The partitions whose newest snapshot is further than `max_replay` behind the group."""
    topic, serving = settings.topics.transactions, settings.serving
    snapshots = Snapshots(settings, Metrics())
    partitions = range(require_topic(settings, topic))
    positions = committed_offsets(settings, serving.group_id, topic, partitions)
    return [
        number
        for number, position in positions.items()
        if position - snapshots.newest_offset(number, position) > serving.max_replay
    ]


def _warm_up_partitions(settings: Settings, partitions: Sequence[int], stop: threading.Event) -> None:
    definitions, serving = settings.loaded_definitions, settings.serving
    for number in range(1, _MOST_ROUNDS + 1):
        started = time.monotonic()
        cards = _run_round(settings, partitions, stop)
        seconds = time.monotonic() - started
        log.info("warm-up of definitions %s, round %d: %.1f s", definitions.tag, number, seconds)
        if seconds <= _LONGEST_ROUND_S:
            log.info(
                "warmed up: %d cards in %d partitions of %r have a state of definitions %s; workers of the "
                "group %r may be started with them",
                cards, len(partitions), settings.topics.transactions, definitions.tag, serving.group_id,
            )  # fmt: skip
            return
    raise UnreachableError(
        f"after {_MOST_ROUNDS} rounds a replay still takes {seconds:.0f} s; the lake or Kafka is too slow to "
        "follow the group, try again at a quieter time"
    )


def _run_round(settings: Settings, partitions: Sequence[int], stop: threading.Event) -> int:
    """A snapshot of each partition; returns the number of cards."""
    metrics = Metrics()
    snapshots = Snapshots(settings, metrics)
    restoration = Restoration(settings, snapshots, metrics, payloads_of(settings))
    with ThreadPoolExecutor(_THREADS, "warm-up") as threads:
        try:
            return sum(threads.map(partial(_warm_up_partition, restoration, stop), partitions))
        except RestorationCancelledError:
            raise StoppedError from None
        except KafkaException as error:
            raise UnreachableError(f"the warm-up cannot read Kafka: {error.args[0].str()}") from error
        except OSError as error:
            raise UnreachableError(
                f"the snapshot cannot be written to {settings.lake_url}: {error}"
            ) from error


def _warm_up_partition(restoration: Restoration, stop: threading.Event, partition: int) -> int:
    state: PartitionState = restoration.restore(partition, stop.is_set)
    try:
        restoration.snapshots.write(state)
    except Exception as error:
        # Whatever a store's client raises.
        lake = restoration.settings.lake_url
        raise UnreachableError(f"a snapshot cannot be written to {lake}: {error!r}") from error
    return len(state.cards)
