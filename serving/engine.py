"""The scoring engine: poll, score, enqueue, commit, in a loop until it is stopped.

One thread runs the loop. It alone uses the consumer, the partitions' states, the tables of profiles, the
entries of lists and the outbox. Other threads read Kafka, the registry or the lake for it, and hand over by
queues; each commit has a thread of its own.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import methodcaller
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from fraud.decisions.loading import load_decisions
from fraud.errors import UnreachableError
from fraud.features.hot_path import load_hot_path
from fraud.messages.formats.payloads import payloads_of
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.delivery.at_least_once import AtLeastOnce
from serving.delivery.exactly_once import ExactlyOnce
from serving.delivery.protocol import Delivery, PositionsMovedError
from serving.group_consumer import make_group_consumer, poll_batch, without_errors
from serving.models.active_models import ActiveModels
from serving.models.serving_model import ServingModel
from serving.ops.metrics import Metrics
from serving.ops.shutdown import Shutdown, StoppedError, call_unless_stopped, call_within
from serving.ops.spans import batch_spans
from serving.ops.stage_timer import StageTimer
from serving.payload_wait import PayloadWait
from serving.pipeline.batch import Scorer
from serving.pipeline.profile_sources import ProfileSources
from serving.state.partition_state import PartitionState
from serving.state.partitions import Partitions
from serving.state.snapshots import Snapshots
from serving.state.warm_up import warm_up_missing

log = logging.getLogger(__name__)

_MODEL_WAIT_S = 0.2
_REMIND_EVERY_S = 30.0
_FIRST_REMINDER_S = 5.0
_TOPICS_TIMEOUT_S = 60.0
_REVOKE_TIMEOUT_S = 10.0
_GAUGES_EVERY_S = 1.0


@dataclass(frozen=True)
class Status:
    """Whether the engine is ready, and why not."""

    is_ready: bool
    text: str


class Engine:
    """One member of the consumer group.

    All methods but `status` are called on one thread, which `heartbeat` (on the monotonic clock) shows alive.
    """

    def __init__(
        self,
        settings: Settings,
        transactional_id: str,
        metrics: Metrics,
        stop: threading.Event | None = None,
    ) -> None:
        """Make the clients.

        Raises:
            StoppedError: `stop`, the event that `run` is going to be given, was set meanwhile.
        """
        self.heartbeat = time.monotonic()
        self._shutdown = Shutdown(settings.serving.drain_timeout_s)
        self._settings = settings
        self._transactional_id = transactional_id
        self._metrics = metrics
        self._timer = StageTimer(metrics, batch_spans(settings))
        self._profiles = ProfileSources(settings, metrics)
        self._models = ActiveModels(settings, metrics)
        payloads = payloads_of(settings)
        self._policies = ActivePolicies(settings, metrics)
        self._scorer = Scorer(settings, self._profiles, self._policies, metrics, self._timer, payloads)
        self._consumer = make_group_consumer(settings, lambda error: self._delivery.on_commit(error))
        self._snapshots = Snapshots(settings, metrics)
        self._partitions = Partitions(settings, self._consumer, self._snapshots, metrics, payloads)
        self._payload_wait = PayloadWait(settings.topics.transactions, self._consumer, payloads)
        # Its producers wait for Kafka as long as it takes.
        stop = stop or threading.Event()
        self._delivery: Delivery = call_unless_stopped(stop, self._make_delivery, self._update_heartbeat)
        self._is_member = False
        self._is_paused = False
        self._gauges_at = 0.0
        self._lag = 0

    def run(self, stop: threading.Event) -> None:
        """Score until `stop` is set, then drain: commit what was scored and leave the group.

        Raises:
            UntrustedModelError: at the start, nobody who has a key promoted the only champion there is.
            UnreachableError: not everything could be committed within the drain time.
        """
        self._shutdown.start_on(stop)
        try:
            self._prepare(stop)
            while not stop.is_set():
                with self._restoring_moved_partitions():
                    self._run_once()
            is_drained = self._drain()
        except StoppedError:
            is_drained = True
        finally:
            self._close()
        if not is_drained:
            raise self._drain_error()

    def _run_once(self) -> None:
        """One round of the loop: at most one micro-batch."""
        self._update_heartbeat()
        self._partitions.resume_restored()
        self._payload_wait.resume_due(self._partitions.ready)
        self._apply_backpressure()
        poll_start_ns = time.time_ns()
        messages = poll_batch(self._consumer, self._settings, self._delivery.due_in_s)
        self._models.apply_pending()
        self._profiles.apply_pending()
        self._policies.apply_pending()
        if messages:
            champion = self._models.champion
            assert champion is not None
            with self._timer.batch(poll_start_ns, messages, champion.version):
                self._score(messages, champion)
        else:
            self._delivery.poll()
        self._snapshots.start_due(self._partitions.ready.values())
        self._update_gauges()

    def _score(self, messages: Sequence[Any], champion: ServingModel) -> None:
        self._metrics.pipeline.batch_messages.observe(len(messages))
        by_partition: dict[int, list[Any]] = {}
        for number, run in groupby(without_errors(self._settings, messages), key=methodcaller("partition")):
            by_partition.setdefault(number, []).extend(run)
        ready = self._partitions.ready
        batch = [
            (ready[number], readable)
            for number, found in by_partition.items()
            if number in ready and (readable := self._payload_wait.readable(number, found))
        ]
        outbox = self._scorer.process(batch, champion, self._models.challenger)
        with self._timer.stage("publish"):
            self._delivery.enqueue(outbox)

    def status(self) -> Status:
        """Readiness, as other threads may ask for it."""
        if self._models.champion is None:
            return Status(False, "waiting for a model: no version is the champion yet")
        if not self._is_member:
            return Status(False, "joining the group, after warming up where that is needed")
        if not self._partitions.owned:
            return Status(True, "no partitions assigned; standing by")
        if self._partitions.is_restoring:
            return Status(False, "restoring the state of partitions")
        if self._payload_wait.problem:
            return Status(False, self._payload_wait.problem)
        if self._lag > self._settings.serving.max_lag:
            return Status(False, f"{self._lag} messages behind")
        scoring = f"scoring {len(self._partitions.ready)} partitions, {self._lag} messages behind"
        return Status(True, scoring + self._profiles.problem + self._policies.problem)

    def _make_delivery(self) -> Delivery:
        if self._settings.serving.delivery == "exactly_once":
            name = self._transactional_id
            return ExactlyOnce(
                self._settings, self._consumer, name, self._metrics, self._shutdown, stage_timer=self._timer
            )
        return AtLeastOnce(self._settings, self._consumer, self._metrics, self._shutdown)

    def _prepare(self, stop: threading.Event) -> None:
        self._models.start()
        # Rates are there before anything is decoded: that converts amounts by them.
        self._profiles.start()
        self._policies.start()
        for source in (self._profiles, self._policies):
            caught_up = partial(source.wait_until_caught_up, _TOPICS_TIMEOUT_S)
            call_unless_stopped(stop, caught_up, self._update_heartbeat)
        # Before the group is joined: what a member needs to load, others would wait for.
        for load in (load_hot_path, load_decisions):
            loading = partial(load, self._settings.loaded_definitions)
            call_unless_stopped(stop, loading, self._update_heartbeat)
        self._wait_for_model(stop)
        call_unless_stopped(stop, partial(warm_up_missing, self._settings, stop), self._update_heartbeat)
        self._consumer.subscribe(
            [self._settings.topics.transactions],
            on_assign=lambda _, partitions: self._assign(partitions),
            on_revoke=lambda _, partitions: self._revoke(partitions, _REVOKE_TIMEOUT_S),
            on_lost=lambda _, partitions: self._revoke(partitions, 0.0),
        )

    def _wait_for_model(self, stop: threading.Event) -> None:
        """Joins the group only with a model: another worker may have one."""
        # The first answer of the registry takes a moment; a missing model is not worth a warning before.
        warned_at = time.monotonic() - _REMIND_EVERY_S + _FIRST_REMINDER_S
        while not self._models.apply_pending() and not stop.wait(_MODEL_WAIT_S):
            self._update_heartbeat()
            self._models.require_trusted()
            if self.heartbeat - warned_at > _REMIND_EVERY_S:
                warned_at = self.heartbeat
                log.warning(
                    "no version of %r is the champion yet; train and promote one, then scoring starts",
                    self._settings.registry.model_name,
                )

    def _update_heartbeat(self) -> None:
        self.heartbeat = time.monotonic()

    def _assign(self, partitions: list[TopicPartition]) -> None:
        self._is_member = True
        self._partitions.assign(partitions)

    def _revoke(self, partitions: list[TopicPartition], timeout_s: float) -> None:
        """Commit what was scored of partitions that go to another worker, or drop it."""
        revoked = {one.partition for one in partitions}
        timeout_s = min(timeout_s, self._shutdown.drain_remaining_s)
        is_flushed = False
        with self._restoring_moved_partitions():
            is_flushed = timeout_s > 0 and self._delivery.flush(timeout_s)
        if not is_flushed:
            with self._restoring_moved_partitions():
                self._delivery.discard(revoked)
        self._partitions.release(revoked)

    @contextmanager
    def _restoring_moved_partitions(self) -> Iterator[None]:
        try:
            yield
        except PositionsMovedError as error:
            log.warning("%s; restoring them again", error)
            self._partitions.restore_again(error.partitions)

    def _apply_backpressure(self) -> None:
        """Stop fetching while the delivery is saturated; polling goes on."""
        if self._delivery.is_saturated == self._is_paused:
            return
        self._is_paused = not self._is_paused
        ready = [
            TopicPartition(self._settings.topics.transactions, number) for number in self._partitions.ready
        ]
        if self._is_paused:
            log.warning("commits do not come through; scoring pauses until they do")
            self._consumer.pause(ready)
        else:
            self._consumer.resume(ready)

    def _update_gauges(self) -> None:
        if self.heartbeat - self._gauges_at < _GAUGES_EVERY_S:
            return
        self._gauges_at, self._lag = self.heartbeat, 0
        self._profiles.update_gauges()
        self._policies.update_gauges()
        for state in self._partitions.ready.values():
            lag = self._lag_of(state)
            self._lag += lag
            size, used = state.cards.nbytes, state.used_share
            self._metrics.state.set_partition(state.partition, lag, len(state.cards), size, used)
            self._metrics.state.count_forgotten(*state.cards.take_forgotten())
        if self._partitions.are_all_ready and self._lag <= self._settings.serving.batch_size:
            self._models.allow_polling()

    def _lag_of(self, state: PartitionState) -> int:
        here = TopicPartition(self._settings.topics.transactions, state.partition)
        _, end = self._consumer.get_watermark_offsets(here, cached=True)
        return max(0, int(end) - state.position)

    def _drain(self) -> bool:
        """Commit what was scored; returns False if that was not possible in time."""
        while not self._delivery.is_idle and self._shutdown.drain_remaining_s:
            with self._restoring_moved_partitions():
                self._delivery.flush(self._shutdown.drain_remaining_s)
        return self._delivery.is_idle

    def _drain_error(self) -> UnreachableError:
        return UnreachableError(
            f"Kafka has not taken everything within the drain time of "
            f"{self._settings.serving.drain_timeout_s:.0f} s; what is not committed is scored again by "
            "another worker or after the next start; check that Kafka is up"
        )

    def _close(self) -> None:
        # First, since the partitions are scored by nobody until the group knows.
        try:
            call_within(self._shutdown.close_remaining_s, self._consumer.close)
        except (KafkaException, TimeoutError) as error:
            log.warning("leaving the consumer group failed: %s", error)
        self._snapshots.wait(self._shutdown.drain_remaining_s)
        self._partitions.stop(self._shutdown.close_remaining_s)
        self._models.stop()
        self._payload_wait.stop(self._shutdown.close_remaining_s)
        self._profiles.stop(self._shutdown.close_remaining_s)
        self._policies.stop(self._shutdown.close_remaining_s)
        self._delivery.close()
        self._timer.close()
