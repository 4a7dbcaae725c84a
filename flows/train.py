"""Lake → model: tune, fit, evaluate, register; the gate decides whether it becomes the champion."""

from prefect import flow

from flows.entry import run_flow
from flows.runs import completed, keep_result, run_name
from fraud.registry.promotion import Promotion, promotion_mode
from fraud.settings import Settings, load_settings
from fraud.telemetry import flow_span
from fraud.training.engines import Engine
from fraud.training.thresholds import ThresholdPolicy
from tasks import train as tasks
from tasks.training_summary import TrainingResult, training_lines


@flow(name="train", flow_run_name=run_name, on_completion=[keep_result])
def train(
    trials: int | None = None,
    days: int | None = None,
    policy: ThresholdPolicy | None = None,
    promote: Promotion | None = None,
    engine: Engine | None = None,
    alarm: bool = False,
) -> TrainingResult:
    """Train a model on the lake's matured rows and compare it with the champion.

    Args:
        trials: of the search; default FRAUD_TRAINING__TRIALS.
        days: of the training period; default FRAUD_TRAINING__TRAIN_DAYS.
        policy: of the threshold; default FRAUD_TRAINING__THRESHOLD_POLICY.
        promote: `auto` asks the gate, `challenger` gives that alias at most, `never` and `always` skip
            the gate; default FRAUD_TRAINING__PROMOTE, on alarm FRAUD_TRAINING__PROMOTE_ON_ALARM.
        engine: `local` or `spark`, which fits on Spark's executors; default FRAUD_TRAINING__ENGINE.
        alarm: the monitor's alarm started this training.
    """
    settings = _settings(trials=trials, train_days=days, threshold_policy=policy, engine=engine)
    with flow_span(settings, "train"):
        history = tasks.load(settings)
        periods = tasks.split(settings, history)
        use = tasks.report_use(settings, history, periods)
        found = tasks.tune(settings, history, periods, settings.training.trials)
        fitted = tasks.fit(settings, history, periods, found)
        report = tasks.evaluate(settings, history, periods, fitted)
        bundle, logged = tasks.log(settings, history, periods, fitted, found, report)
        promotion = promotion_mode(settings, promote, alarm=alarm)
        decision = tasks.gate(settings, history, periods, bundle, logged, promotion)
        notes = (f"Used {use.used}.", f"Left out {use.left_out}.", *history.notes)
        tasks.report_training(settings, report, fitted, logged, decision, notes)
        result = TrainingResult(logged.version, decision, use)
        return completed(result, f"version {logged.version}: {decision.reason}")


def _settings(**given: object) -> Settings:
    settings = load_settings()
    update = {name: value for name, value in given.items() if value is not None}
    training = type(settings.training).model_validate(settings.training.model_dump() | update)
    return settings.model_copy(update={"training": training})


if __name__ == "__main__":
    run_flow(train, training_lines)
