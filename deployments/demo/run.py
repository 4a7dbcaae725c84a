"""The demo, step by step: an empty Kafka, a history, a model, live traffic, a second model, the result."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deployments.demo.programs import Programs, flow, last_line, stop
from deployments.demo.result import DemoResult, evaluate_run
from deployments.demo.screen import Screen, quality
from deployments.demo.watch import PredictionsWatch
from deployments.local.dashboard import LocalDashboard
from deployments.local.stack import Stack
from fraud.deadline import Deadline
from fraud.errors import FraudError
from fraud.kafka.offsets import group_lag
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.registry.aliases import CHAMPION
from fraud.registry.versions import list_versions
from fraud.settings import Settings, load_settings
from serving.dashboard.auth.first_password import add_first_user

_TIMEOUT_S = 300.0
_POLL_S = 0.2
_MARGIN_S = 3.0
_IDLE_S = 1.0
_TRAINING = {
    "FRAUD_TRAINING__TRAIN_DAYS": "42",
    "FRAUD_TRAINING__VALIDATION_DAYS": "10",
    "FRAUD_TRAINING__TEST_DAYS": "10",
    "FRAUD_TRAINING__SEARCH_FOLDS": "1",
    "FRAUD_REGISTRY__POLL_INTERVAL_S": "2",
}


@dataclass(frozen=True)
class DemoPlan:
    """What the demo does, and how much of it."""

    home: Path
    scenario: str = "demo"
    cards: int = 3_000
    days: int = 84
    hours: int = 48
    live_s: int = 80
    attacks: int = 1
    trials: int = 2
    keep: bool = False

    @property
    def speed(self) -> float:
        """Of the cards' clock, so that the live hours take `live_s`."""
        return self.hours * 3_600 / self.live_s


@dataclass
class Demo:
    """One run of the demo; owns everything that it starts."""

    plan: DemoPlan
    screen: Screen
    _programs: Programs = field(init=False)
    _settings: Settings = field(init=False)
    _login: str = field(init=False, default="")

    def run(self) -> DemoResult:
        """Run all steps; leaves nothing running unless the plan says `keep`.

        Raises:
            FraudError: a step failed; the sentence says which and where its log is.
        """
        with self._stack() as stack:
            self._prepare(stack)
            self._fill()
            self._train("first-model", "retrain", "ingest, preprocess, tune, train, evaluate, promote")
            with self._dashboard() as dashboard:
                with self._serving():
                    result = self._live()
                self.screen.result(result)
                self._show_servers(stack, dashboard)
        if not result.complete:
            raise FraudError(f"{result.lost} lost, {result.doubled} doubled; see {self._logs}")
        return result

    def _show_servers(self, stack: Stack, dashboard: LocalDashboard) -> None:
        if not self.plan.keep:
            self.screen.hint("`make demo ARGS=--keep` leaves the dashboard, Prefect and MLflow up")
            return
        added = dashboard.status()
        self.screen.addresses([*stack.status(), *([] if added is None else [added])], self._login)

    @contextmanager
    def _stack(self) -> Iterator[Stack]:
        home = self.plan.home
        jars = _Shown()
        stack = Stack(home, jars.show_jars, load_settings(home=home).spark.java_home)
        LocalDashboard(home).stop()
        stack.stop()
        shutil.rmtree(home, ignore_errors=True)
        try:
            with self.screen.step("Kafka, MLflow and Prefect start") as report:
                jars.report = report
                stack.start(on_ready=lambda name: report(f"{name} is ready"))
                report("")
            yield stack
        except BaseException:
            stack.stop()
            raise
        if not self.plan.keep:
            stack.stop()

    @contextmanager
    def _dashboard(self) -> Iterator[LocalDashboard]:
        """The dashboard, with a first user; it ends with the context unless the plan says `keep`."""
        dashboard = LocalDashboard(self.plan.home)
        self._login = add_first_user(self._settings, may_show=self.screen.is_terminal) or ""
        try:
            with self.screen.step("the dashboard answers while the demo runs") as report:
                report(f"{dashboard.start(self._settings.dashboard.port)}  {self._login}")
            yield dashboard
        except BaseException:
            dashboard.stop()
            raise
        if not self.plan.keep:
            dashboard.stop()

    def _prepare(self, stack: Stack) -> None:
        self._settings = load_settings(home=self.plan.home)
        create_topics(self._settings)
        environment = stack.addresses() | _TRAINING | {"FRAUD_HOME": str(self.plan.home)}
        self._programs = Programs(self.plan.home, environment)

    def _fill(self) -> None:
        arguments = self._simulate("--days", str(self.plan.days), "--end", f"{self.plan.hours}h")
        with self.screen.step(f"{self.plan.days} days of history into Kafka") as report:
            self._programs.run("history", arguments, report)
            report(last_line(self._programs.log("history")))

    def _simulate(self, *arguments: str) -> list[str]:
        world = ["--scenario", self.plan.scenario, "--cards", str(self.plan.cards)]
        return ["-m", "deployments.cli", "simulate", *world, *arguments]

    def _train(self, name: str, program: str, what: str, *arguments: str) -> None:
        trials = ("--trials", str(self.plan.trials))
        with self.screen.step(f"{name.replace('-', ' ')}: {what}") as report:
            self._programs.run(name, [flow(program), *trials, *arguments], report)
            report(_champion(self._settings))

    @contextmanager
    def _serving(self) -> Iterator[None]:
        with self._programs.running("serving", [flow("serve")]) as serving:
            with self.screen.step("the serving flow scores the history"):
                self._wait_for(self._caught_up, "serving did not catch up")
            yield
            with self.screen.step("the serving flow drains and ends"):
                stop(serving)

    def _live(self) -> DemoResult:
        """The last hours at a fast clock; the second model is trained meanwhile."""
        plan = self.plan
        live = self._simulate("--speed", f"{plan.speed:.0f}", "--attacks", str(plan.attacks))
        name = f"live: the last {plan.hours} hours in {plan.live_s} s, planned attacks among them"
        with PredictionsWatch(self._settings) as watch, self._programs.running("live", live) as producer:
            with self.screen.step(name, lambda: _pace(watch)):
                self._wait_for(lambda: bool(watch.seen), "no prediction came")
            caught_up = Deadline(plan.live_s + _MARGIN_S)
            self._train("second-model", "train", "trained and promoted meanwhile", "--promote", "always")
            with self.screen.step("serving swaps the model", lambda: _pace(watch)):
                self._wait_for(lambda: len(watch.by_version) > 1, "serving did not swap its model")
            with self.screen.step("the rest of the live hours", lambda: _pace(watch)):
                self._wait_for(lambda: caught_up.is_over, "the producer did not catch up")
            with self.screen.step("the producer ends, serving catches up", lambda: _pace(watch)):
                stop(producer)
                self._wait_for(self._caught_up, "serving did not catch up")
                self._wait_for(lambda: watch.idle_s > _IDLE_S, "predictions did not end")
            return evaluate_run(self._settings, open_lake(self._settings), watch)

    @property
    def _logs(self) -> Path:
        return self.plan.home / "logs"

    def _caught_up(self) -> bool:
        group, topic = self._settings.serving.group_id, self._settings.topics.transactions
        return group_lag(self._settings, group, topic) == 0

    def _wait_for(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = Deadline(_TIMEOUT_S)
        while not condition():
            if deadline.is_over:
                raise FraudError(f"{otherwise}; see {self._logs}")
            time.sleep(_POLL_S)


@dataclass
class _Shown:
    """Where a download's progress is shown, once there is a step."""

    report: Callable[[str], None] = lambda text: None

    def show_jars(self, there: int, of: int) -> None:
        self.report(f"fetching Kafka: {there} of {of} jars (once)")


def _champion(settings: Settings) -> str:
    champion = next((one for one in list_versions(settings) if CHAMPION in one.aliases), None)
    return f"version {champion.version}: {quality(champion)}" if champion else "no champion"


def _pace(watch: PredictionsWatch) -> str:
    versions = ", ".join(f"version {name}: {count:,}" for name, count in sorted(watch.by_version.items()))
    return f"{watch.seen:,} predictions, {watch.flagged:,} flagged ({versions})"
