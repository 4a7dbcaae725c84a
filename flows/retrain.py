"""The whole pipeline: validate → ingest → preprocess → train → clean up; daily and on alarm."""

from prefect import flow

from flows.entry import run_flow
from flows.ingest import ingest
from flows.preprocess import preprocess
from flows.runs import completed, keep_result, run_name
from flows.train import train
from fraud.registry.promotion import Promotion
from fraud.settings import load_settings
from fraud.telemetry import flow_span
from fraud.training.engines import Engine
from tasks.environment import clean_up, validate_environment
from tasks.training_summary import TrainingResult, training_lines


@flow(name="retrain", flow_run_name=run_name, on_completion=[keep_result])
def retrain(
    trials: int | None = None,
    promote: Promotion | None = None,
    engine: Engine | None = None,
    alarm: bool = False,
) -> TrainingResult:
    """Ingest and preprocess what is new, train, and let the gate decide.

    Args:
        trials: of the search; default FRAUD_TRAINING__TRIALS.
        promote: `auto` asks the gate, `challenger` gives that alias at most, `never` and `always` skip
            the gate; default FRAUD_TRAINING__PROMOTE, on alarm FRAUD_TRAINING__PROMOTE_ON_ALARM.
        engine: that fits the model, `local` or `spark`; default FRAUD_TRAINING__ENGINE.
        alarm: the monitor's alarm started this run.
    """
    settings = load_settings()
    with flow_span(settings, "retrain"):
        validate_environment(settings)
        ingest()
        preprocess()
        result = train(trials=trials, promote=promote, engine=engine, alarm=alarm)
        clean_up(settings)
        return completed(result, result.decision.reason)


if __name__ == "__main__":
    run_flow(retrain, training_lines)
