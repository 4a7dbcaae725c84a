"""The scene of a fault: topics, a load, a watch, workers; and the verdict when the dust has settled."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from fraud.kafka.offsets import group_lag
from fraud.kafka.retry import retry_transient
from fraud.kafka.topics import create_topics
from fraud.registry.cache import save_bundle
from fraud.settings import Settings
from tests.faults.harness.load import Load, Watch
from tests.faults.harness.workers import BARE, FLOW, Worker
from tests.serving.offline import mismatches, odd_dead_letters
from tests.serving.world import predictions, read_all, tiny_bundle, wait_for

NO_REGISTRY = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}


@dataclass
class Scene:
    """Workers under load."""

    settings: Settings
    load: Load
    watch: Watch
    workers: list[Worker] = field(default_factory=list)

    def add_worker(
        self, program: tuple[str, ...] = BARE, surroundings: Mapping[str, str] | None = None
    ) -> Worker:
        """One more worker."""
        self.workers.append(Worker(self.settings, f"worker-{len(self.workers)}", program, surroundings))
        return self.workers[-1]

    def wait_until_scoring(self) -> float:
        """Wait until every partition is scored from now on; returns the seconds."""
        return self.watch.seconds_until_all_score(time.time())

    def revive(self, worker: Worker) -> float:
        """kill -9 and start anew; returns the seconds until every partition is scored again."""
        worker.kill()
        since = time.time()
        worker.restart()
        return self.watch.seconds_until_all_score(since)


@contextmanager
def scene(
    settings: Settings,
    workers: int = 1,
    program: tuple[str, ...] = BARE,
    surroundings: Mapping[str, str] | None = None,
) -> Iterator[Scene]:
    """Load and workers that score; a champion is on disk. Whatever is left of them is killed at the end."""
    create_topics(settings)
    save_bundle(tiny_bundle(settings), settings.home / "serving" / "model")
    made = Scene(settings, Load(settings), Watch(settings))
    try:
        for _ in range(workers):
            made.add_worker(program, surroundings)
        made.wait_until_scoring()
        yield made
    finally:
        made.load.stop()
        made.watch.stop()
        for worker in made.workers:
            if worker.is_alive:
                worker.kill()


@dataclass(frozen=True)
class Verdict:
    """What a read_committed reader found against what went in; `odd` says what was wrong."""

    case: str
    seconds: float
    answered: int
    dead_letters: int
    odd: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Admitted transactions without a prediction, refused ones without a dead letter."""
        return sum(one.startswith("missing") for one in self.odd)

    @property
    def doubled(self) -> int:
        """Predictions and dead letters beyond the first."""
        return self.odd.count("doubled")

    @property
    def mismatched(self) -> int:
        """Predictions whose features are not the recomputed ones, dead letters without cause."""
        return len(self.odd) - self.lost - self.doubled

    def __str__(self) -> str:
        return (
            f"| {self.case} | {self.answered:,} | {self.dead_letters:,} | {self.lost} | {self.doubled} "
            f"| {self.mismatched} | {self.seconds:.1f} s |"
        )

    @property
    def is_clean(self) -> bool:
        """Every transaction answered once, with the features of the offline recomputation."""
        return self.answered > 0 and self.dead_letters > 0 and not self.odd


def settle(made: Scene) -> None:
    """Stop the load, let the workers catch up, and drain them: nothing can be added any more."""
    settings = made.settings
    made.load.stop()
    lag = partial(group_lag, settings, settings.serving.group_id, settings.topics.transactions)
    wait_for(lambda: retry_transient(lag) == 0, 90, 0.3)
    living = [worker for worker in made.workers if worker.is_alive]
    for worker in living:
        worker.process.terminate()
    for worker in living:
        code = worker.process.wait(60)
        # A flow run ends badly when Prefect cannot be told of its end; it has drained before that.
        assert code == 0 or worker.program == FLOW, f"a worker ended with {code}"


def compare(made: Scene, case: str, seconds: float) -> Verdict:
    """Compare what went in with what came out."""
    served = predictions(made.settings)
    letters = read_all(made.settings, made.settings.topics.dead_letters)
    odd = (*mismatches(made.settings, served), *odd_dead_letters(made.settings))
    return Verdict(case, seconds, len(served), len(letters), odd)
