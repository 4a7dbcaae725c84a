"""The scene of a fault: topics, a load, a watch, workers; and the outcome when the dust has settled."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from fraud.kafka.offsets import group_lag
from fraud.kafka.retry import retry_transient
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from tests.faults.harness.load import Load, PredictionWatch
from tests.faults.harness.workers import BARE, FLOW, Worker
from tests.fraud.signing.signed import save_champion
from tests.serving.offline import mismatches, wrong_dead_letters
from tests.serving.world import predictions, read_all, tiny_bundle, wait_for

NO_REGISTRY = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}
_NOTHING = object()


@dataclass
class Scene:
    """Workers under load."""

    settings: Settings
    load: Load
    watch: PredictionWatch
    workers: list[Worker] = field(default_factory=list)

    def add_worker(
        self, program: tuple[str, ...] = BARE, extra_env: Mapping[str, str] | None = None
    ) -> Worker:
        """Start one more worker."""
        self.workers.append(Worker(self.settings, f"worker-{len(self.workers)}", program, extra_env))
        return self.workers[-1]

    def wait_until_scoring(self) -> float:
        """Wait until every partition is scored from now on; returns the seconds."""
        return self.watch.seconds_until_all_score(time.time())

    def longest_wait_s(self, since: float) -> float:
        """The longest time from the sending of a transaction to its committed prediction.

        Args:
            since: on the monotonic clock; earlier transactions do not count.
        """
        arrived = self.watch.arrived_at
        sent = [(name, moment) for name, moment in [*self.load.sent_at.items()] if moment >= since]
        return max(arrived[name] - moment for name, moment in sent if name in arrived)

    def kill_and_restart(self, worker: Worker) -> float:
        """kill -9 and start again; returns the seconds until every partition is scored again."""
        worker.kill()
        since = time.time()
        worker.restart()
        return self.watch.seconds_until_all_score(since)


@contextmanager
def scene(
    settings: Settings,
    workers: int = 1,
    program: tuple[str, ...] = BARE,
    extra_env: Mapping[str, str] | None = None,
) -> Iterator[Scene]:
    """Load and workers that score; a champion is on disk. At the end all workers are killed."""
    create_topics(settings)
    save_champion(settings, tiny_bundle(settings))
    made = Scene(settings, Load(settings), PredictionWatch(settings))
    try:
        for _ in range(workers):
            made.add_worker(program, extra_env)
        made.wait_until_scoring()
        yield made
    finally:
        made.load.stop()
        made.watch.stop()
        for worker in made.workers:
            if worker.is_alive:
                worker.kill()


@dataclass(frozen=True)
class FaultOutcome:
    """What a read_committed reader found, compared with what was sent; `errors` lists the differences."""

    case: str
    seconds: float
    scored: int
    dead_letters: int
    errors: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Acknowledged messages that are gone, admitted ones not scored, refused ones without a letter."""
        return sum(one.startswith("missing") for one in self.errors)

    @property
    def doubled(self) -> int:
        """Second and further predictions and dead letters of one message."""
        return self.errors.count("doubled")

    @property
    def mismatched(self) -> int:
        """Predictions whose features differ from the recomputed ones, and dead letters without a cause."""
        return len(self.errors) - self.lost - self.doubled

    def __str__(self) -> str:
        return (
            f"| {self.case} | {self.scored:,} | {self.dead_letters:,} | {self.lost} | {self.doubled} "
            f"| {self.mismatched} | {self.seconds:.1f} s |"
        )

    @property
    def is_clean(self) -> bool:
        """Whether every transaction has one prediction with the features of the offline recomputation."""
        return self.scored > 0 and self.dead_letters > 0 and not self.errors


def drain(made: Scene) -> None:
    """Stop the load, let the workers catch up, and stop them."""
    settings = made.settings
    made.load.stop()
    lag = partial(group_lag, settings, settings.serving.group_id, settings.topics.transactions)
    wait_for(lambda: retry_transient(lag) == 0, 90, 0.3)
    living = [worker for worker in made.workers if worker.is_alive]
    for worker in living:
        worker.process.terminate()
    for worker in living:
        code = worker.process.wait(60)
        # A flow run fails when Prefect cannot receive its final state; it has drained before that.
        assert code == 0 or worker.program == FLOW, f"a worker ended with {code}"


def compare(made: Scene, case: str, seconds: float) -> FaultOutcome:
    """Compare the messages that were sent with the predictions and dead letters."""
    served = predictions(made.settings)
    letters = read_all(made.settings, made.settings.topics.dead_letters)
    errors = (*_lost(made), *mismatches(made.settings, served), *wrong_dead_letters(made.settings))
    return FaultOutcome(case, seconds, len(served), len(letters), errors)


def _lost(made: Scene) -> list[str]:
    """Messages that Kafka acknowledged and does not have: the rest of the comparison believes what it has."""
    found = read_all(made.settings, made.settings.topics.transactions)
    kept = {(one.partition(), one.offset()): one.value() for one in found}
    sent = made.load.acknowledged
    return [
        f"missing message {position}" for position in sent if kept.get(position, _NOTHING) != sent[position]
    ]
