"""A user's own data through the whole real loop: Kafka, lake, Spark, MLflow, training, serving.

`python -m benchmarks.foreign --transactions FILE --labels FILE --until 2021-10-01` starts its own stack,
replays what happened before the cut, with the labels that were reported by then, trains on it with
`flows/retrain.py`, serves with `flows/serve.py`, replays what happened after the cut, and evaluates the
predictions against the labels. Both files are Parquet with the names of `fraud.schema`.

Nothing is trained after the cut, and without `--profiles-every` no profile is published either: the merchant
profiles become stale while the second part streams. With it the second part is replayed in pieces of so many
days, with its labels, and after each `flows/ingest.py` and `flows/preprocess.py` publish new profiles.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from benchmarks.foreign.evaluation import ForeignDataResult, evaluate_predictions
from benchmarks.foreign.splitting import Part, cut
from deployments.demo.programs import Programs, flow
from deployments.local.processes import free_port
from deployments.local.stack import NAMES, Stack
from fraud.errors import FraudError
from fraud.kafka.offsets import group_lag
from fraud.kafka.topics import create_topics
from fraud.machine.ending import end_in_order
from fraud.settings import Settings, load_settings

_TIMEOUT_S = 300.0
_POLL_S = 0.5
_TRAINING = {
    "FRAUD_TRAINING__TRAIN_DAYS": "200",
    "FRAUD_TRAINING__VALIDATION_DAYS": "21",
    "FRAUD_TRAINING__TEST_DAYS": "14",
    "FRAUD_TRAINING__LABEL_DELAY": "P7D",
}


def main(
    transactions: Annotated[Path, typer.Option(help="Parquet, one transaction a row.")],
    labels: Annotated[Path, typer.Option(help="Parquet with transaction_id, is_fraud and reported_at.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Train on what is before (UTC).")],
    trials: Annotated[int, typer.Option(min=1, help="Of the hyperparameter search.")] = 5,
    profiles_every: Annotated[int, typer.Option(min=0, help="Days; 0: none after the cut.")] = 0,
    home: Annotated[
        Path | None, typer.Option(help="An empty folder that stays; default: a temporary one.")
    ] = None,
) -> None:
    """Print the results as a Markdown table."""
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="fraud-foreign-") as folder:
        try:
            run = _LoopRun((home or Path(folder)).resolve(), trials, profiles_every)
            result = run.through_the_loop(transactions, labels, _millis(until))
        except FraudError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
    _print(result, run.seconds)
    if not result.complete:
        raise typer.Exit(1)


@dataclass
class _LoopRun:
    """One run through the loop; `seconds` is the duration of each step."""

    home: Path
    trials: int
    profiles_every: int
    seconds: dict[str, float] = field(default_factory=dict)

    def through_the_loop(self, transactions: Path, labels: Path, until: int) -> ForeignDataResult:
        """Train on what was before `until` (ms), serve what came after; nothing runs afterwards."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self._step("cut"):
            history, *rest = cut(transactions, labels, until, self.profiles_every, self.home / "parts")
        stack = Stack(self.home)
        try:
            with self._step("start Kafka, MLflow and Prefect"):
                stack.start(ports={name: free_port() for name in NAMES})
            settings, programs = self._prepared(stack)
            with self._step("replay the history"):
                _replay(programs, "history", history)
            with self._step("retrain: ingest, preprocess, tune, train, promote"):
                programs.run("retrain", [flow("retrain"), "--trials", str(self.trials)], _ignore)
            self._serve(settings, programs, rest)
            return evaluate_predictions(settings, pq.read_table(labels), until)
        finally:
            stack.stop()

    def _prepared(self, stack: Stack) -> tuple[Settings, Programs]:
        """Settings and programs of this stack and this home only, independent of other configuration."""
        addresses = stack.addresses()
        lake = str(self.home / "lake")
        settings = load_settings(
            home=self.home,
            kafka={"bootstrap_servers": addresses["FRAUD_KAFKA__BOOTSTRAP_SERVERS"], "retention_days": -1},
            registry={"tracking_uri": addresses["FRAUD_REGISTRY__TRACKING_URI"]},
            lake={"url": lake},
        )
        create_topics(settings)
        own = {"FRAUD_HOME": str(self.home), "FRAUD_LAKE__URL": lake}
        return settings, Programs(self.home, addresses | _TRAINING | own)

    def _serve(self, settings: Settings, programs: Programs, parts: list[Part]) -> None:
        with programs.running("serving", [flow("serve")]) as serving:

            def caught_up() -> bool:
                if serving.poll() is not None:
                    raise FraudError(f"serving ended by itself; see {programs.log('serving')}")
                return group_lag(settings, settings.serving.group_id, settings.topics.transactions) == 0

            with self._step("serving starts and scores the history"):
                _wait_for(caught_up)
            with self._step("the second part is replayed and scored"):
                for number, part in enumerate(parts):
                    if number:
                        _publish_profiles(programs, number)
                    _replay(programs, f"part-{number}", part)
                    _wait_for(caught_up)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
        print(f"{name}: {self.seconds[name]:.0f} s", file=sys.stderr, flush=True)


def _replay(programs: Programs, name: str, part: Part) -> None:
    files = ["--transactions", str(part.transactions), "--labels", str(part.labels)]
    programs.run(f"replay-{name}", ["-m", "deployments.cli", "replay", "--keep-forever", *files], _ignore)


def _publish_profiles(programs: Programs, number: int) -> None:
    for name in ("ingest", "preprocess"):
        programs.run(f"{name}-{number}", [flow(name)], _ignore)


def _wait_for(caught_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not caught_up():
        if time.monotonic() > deadline:
            raise FraudError(f"serving did not catch up within {_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)


def _print(result: ForeignDataResult, seconds: dict[str, float]) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end\n")
    print("| | |\n|---|---|")
    for name, value in result.rows():
        print(f"| {name} | {value} |")
    for name, took in seconds.items():
        print(f"| {name} | {took:.0f} s |")
    print(
        "\n| month | transactions | no profile | frauds | alerts | average precision | precision | recall |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for month in result.months:
        print(month)


def _millis(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp() * 1_000)


def _ignore(_: str) -> None:
    """Print nothing; the logs of the steps are in the home."""


if __name__ == "__main__":
    typer.run(main)
