"""The report's figures for Prometheus: pushed, for the monitor has ended before anybody could scrape it."""

from collections.abc import Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

from fraud.errors import UnreachableError
from fraud.monitoring.report import MonitoringReport, alarms, inconsistencies
from fraud.settings import Settings

JOB = "fraud-monitor"
_TIMEOUT_S = 10.0


def push(settings: Settings, report: MonitoringReport) -> None:
    """Replace what the gateway of `settings.monitoring` holds of this model; without a gateway do nothing.

    Raises:
        UnreachableError: the gateway does not answer or refuses.
    """
    gateway = settings.monitoring.pushgateway_url
    if gateway is None:
        return
    try:
        push_to_gateway(
            gateway,
            job=JOB,
            registry=figures(settings, report),
            grouping_key={"model": settings.registry.model_name},
            timeout=_TIMEOUT_S,
        )
    except OSError as error:
        raise UnreachableError(
            f"the Pushgateway did not take the monitor's figures ({error}); check "
            "FRAUD_MONITORING__PUSHGATEWAY_URL, or unset it"
        ) from error


def figures(settings: Settings, report: MonitoringReport) -> CollectorRegistry:
    """What there is to tell; a figure that cannot be judged is absent rather than zero."""
    registry = CollectorRegistry()

    def tell(name: str, text: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"fraud_monitor_{name}", text, registry=registry).set(value)

    def tell_each(name: str, text: str, label: str, values: Mapping[str, float]) -> None:
        gauge = Gauge(f"fraud_monitor_{name}", text, [label], registry=registry)
        for key, value in values.items():
            gauge.labels(key).set(value)

    matured, newest = report.matured, report.days[-1] if report.days else None
    drifts = (*report.features, *([report.score] if report.score else []))
    tell("moment_seconds", "Newest time that predictions or labels show", report.moment / 1_000)
    tell("predictions", "Predictions looked at", report.predictions)
    tell("repeated_predictions", "Further predictions on a transaction that has one", report.repeated)
    tell("alarms", "What a new training may mend", len(alarms(report, settings.monitoring)))
    tell("inconsistencies", "Kinds of disagreement of serving and lake", len(inconsistencies(report)))
    tell("alert_rate", "Share of alerts on the newest day", newest.alert_rate if newest else None)
    tell("precision", "Of matured alerts, those that were fraud", matured.precision if matured else None)
    tell("recall", "Of matured frauds, those that were alerted", matured.recall if matured else None)
    tell("matured_frauds", "Frauds whose labels have had their time", matured.frauds if matured else None)
    tell("expected_recall", "Of the champion's own test", report.expected_recall)
    for name, (text, limit) in _limits(settings).items():
        tell(f"limit_{name}", text, limit)
    tell_each("drift_psi", "Population stability index", "column", {one.name: one.psi for one in drifts})
    tell_each("drift_ks", "Kolmogorov-Smirnov distance", "column", {one.name: one.ks for one in drifts})
    tell_each("label_delay_days", "From fraud to report", "quantile", report.label_delay)
    if report.consistency is not None:
        counts = report.consistency.counts
        tell_each("consistency", "Features online against offline, by outcome", "outcome", counts)
    return registry


def _limits(settings: Settings) -> dict[str, tuple[str, float]]:
    """What the figures are held against, so that no rule of Prometheus has to repeat it."""
    limits = settings.monitoring
    return {
        "drift_psi": ("Above which a column has drifted", limits.psi),
        "recall_drop": ("Below the expected recall, beyond which recall has fallen", limits.recall_drop),
        "matured_frauds": ("Fewer say nothing of recall", limits.min_frauds),
        "label_delay_days": (
            "After which labels count as matured",
            settings.training.label_delay / timedelta(days=1),
        ),
    }
