"""The monitor's tasks: check the model in service, save the report, raise the alarm."""

import time

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger

from fraud.decisions.whatif.current import live_policy
from fraud.errors import FraudError
from fraud.lake import open_lake
from fraud.monitoring.exposition import push_report
from fraud.monitoring.monitor import build_report, load_champion, store_report
from fraud.monitoring.predictions import read_predictions
from fraud.monitoring.report import (
    MonitoringReport,
    alarms,
    as_markdown,
    inconsistencies,
    late_profiles,
)
from fraud.settings import Settings
from tasks.retries import WITH_RETRIES

ALARM = "fraud.alarm"
"""Drift or fallen recall: the event that starts the deployment of `retrain`."""

INCONSISTENCY = "fraud.inconsistency"
"""Serving and the lake disagree: training does not fix that, a person must."""

LATE_PROFILES = "fraud.late_profiles"
"""Serving has profiles that are older than training assumes: the flow that makes them must run."""


@task(**WITH_RETRIES, timeout_seconds=1_800)
def check_model(settings: Settings) -> MonitoringReport:
    """Compare the newest predictions with the labels and features in the lake."""
    champion, now_ms = load_champion(settings), int(time.time() * 1_000)
    predictions = read_predictions(settings, now_ms)
    capacity = _review_capacity(settings)
    report = build_report(settings, open_lake(settings), predictions, champion, now_ms, capacity)
    logger = get_run_logger()
    logger.info("%d predictions, %d of them with features", report.predictions, report.sampled)
    for note in report.notes:
        logger.info("%s", note)
    return report


def _review_capacity(settings: Settings) -> int | None:
    """Reviews a day that analysts can do by the live policy; None if it does not say, or is not known."""
    try:
        return live_policy(settings).review_capacity
    except FraudError as error:
        get_run_logger().warning("the live policy is not known, nor how many reviews it allows: %s", error)
        return None


@task(**WITH_RETRIES, timeout_seconds=300)
def save_report(settings: Settings, report: MonitoringReport) -> None:
    """Write the report into the lake, into MLflow and onto the run's page."""
    path = store_report(settings, open_lake(settings), report)
    create_markdown_artifact(
        as_markdown(report, settings.monitoring), key="monitoring", description="the model in service"
    )
    get_run_logger().info("wrote %s", path)


@task(**WITH_RETRIES, timeout_seconds=300)
def push_metrics(settings: Settings, report: MonitoringReport) -> None:
    """Push the metrics to Prometheus, where a Pushgateway is set."""
    push_report(settings, report)


@task(cache_policy=NO_CACHE)
def raise_alarm(settings: Settings, report: MonitoringReport) -> list[str]:
    """Emit an event for what training may fix and others for what it does not; returns the reasons."""
    found = {
        ALARM: alarms(report, settings.monitoring),
        INCONSISTENCY: inconsistencies(report),
        LATE_PROFILES: late_profiles(report, settings.monitoring),
    }
    for event, sentences in found.items():
        for sentence in sentences:
            get_run_logger().warning("%s", sentence)
        if sentences:
            emit_event(
                event=event,
                resource={"prefect.resource.id": f"fraud.model.{settings.registry.model_name}"},
                payload={"model_version": report.model_version, "reasons": list(sentences)},
            )
    return [sentence for sentences in found.values() for sentence in sentences]
