"""The report as Prometheus metrics. They are pushed, because the monitor ends before it could be scraped."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

from fraud.errors import UnreachableError
from fraud.monitoring.report import MonitoringReport, alarms, inconsistencies
from fraud.settings import Settings

JOB = "fraud-monitor"
_TIMEOUT_S = 10.0


def push_report(settings: Settings, report: MonitoringReport) -> None:
    """Replace this model's metrics on the Pushgateway of `settings.monitoring`; without a gateway do nothing.

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
            registry=build_registry(settings, report),
            grouping_key={"model": settings.registry.model_name},
            timeout=_TIMEOUT_S,
        )
    except OSError as error:
        raise UnreachableError(
            f"the Pushgateway did not accept the monitor's metrics ({error}); check "
            "FRAUD_MONITORING__PUSHGATEWAY_URL, or unset it"
        ) from error


def build_registry(settings: Settings, report: MonitoringReport) -> CollectorRegistry:
    """The metrics of a report; one that could not be computed is absent rather than zero."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"fraud_monitor_{name}", text, registry=registry).set(value)

    def gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> None:
        family = Gauge(f"fraud_monitor_{name}", text, [label], registry=registry)
        for key, value in values.items():
            family.labels(key).set(value)

    matured, newest = report.matured, report.days[-1] if report.days else None
    gauge("moment_seconds", "Newest time of a prediction or label", report.moment / 1_000)
    gauge("predictions", "Predictions that were evaluated", report.predictions)
    gauge("repeated_predictions", "Further predictions on a transaction that has one", report.repeated)
    gauge("alarms", "Alarms that a new training may fix", len(alarms(report, settings.monitoring)))
    gauge(
        "inconsistencies", "Kinds of disagreement between serving and the lake", len(inconsistencies(report))
    )
    gauge("alert_rate", "Share of alerts on the newest day", newest.alert_rate if newest else None)
    gauge("precision", "Share of the matured alerts that were fraud", matured.precision if matured else None)
    gauge("recall", "Share of the matured frauds that were alerted", matured.recall if matured else None)
    gauge(
        "matured_frauds",
        "Frauds among the predictions whose labels have matured",
        matured.frauds if matured else None,
    )
    gauge("expected_recall", "Recall of the champion on its own test set", report.expected_recall)
    for name, (text, limit) in _limits(settings).items():
        gauge(f"limit_{name}", text, limit)
    gauge("busy_days", "Days with more reviews than the policy's capacity", len(report.busy_days))
    if report.freshness is not None:
        due_share, without = report.freshness.due_share, report.freshness.without
        gauge("profile_due_share", "Share of predictions with the newest profiles they could have", due_share)
        gauge("profile_missing", "Predictions of the newest day without profiles", without)
    for name, text, label, values in _labelled(report):
        gauges(name, text, label, values)
    return registry


def _labelled(report: MonitoringReport) -> Iterator[tuple[str, str, str, Mapping[str, float]]]:
    """Figures that have several values: name, text, and the values by a label."""
    drifts = (*report.features, *([report.score] if report.score else []))
    yield "drift_psi", "Population stability index", "column", {one.name: one.psi for one in drifts}
    yield "drift_ks", "Kolmogorov-Smirnov distance", "column", {one.name: one.ks for one in drifts}
    yield "label_delay_days", "Days from fraud to report", "quantile", report.label_delay
    for kind, figures in (("outcome", report.outcomes), ("rule", report.rules)):
        for figure in ("precision", "recall"):
            found = {one.name: getattr(one.matured, figure) for one in figures}
            known = {name: value for name, value in found.items() if value is not None}
            yield f"{kind}_{figure}", f"{figure.capitalize()} of each {kind}, matured labels", kind, known
    if report.freshness is not None:
        age, late = report.freshness.age_seconds, report.freshness.late_seconds
        yield "profile_age_seconds", "From the profiles' moment to the payment", "quantile", age
        yield "profile_late_seconds", "How much older than due profiles were", "quantile", late
    if report.consistency is not None:
        counts = report.consistency.counts
        yield "consistency", "Predictions compared with their training rows, by outcome", "outcome", counts


def _limits(settings: Settings) -> dict[str, tuple[str, float]]:
    """The limits of the alarms, so that no Prometheus rule has to repeat them."""
    limits = settings.monitoring
    return {
        "drift_psi": ("PSI above which a column has drifted", limits.psi),
        "recall_drop": ("Distance below the expected recall at which recall has fallen", limits.recall_drop),
        "matured_frauds": ("Fewest matured frauds from which recall is computed", limits.min_frauds),
        "profile_late_seconds": (
            "How much older than due profiles of ids and categories may be",
            limits.profiles_late.total_seconds(),
        ),
        "label_delay_days": (
            "Age at which labels count as matured",
            settings.training.label_delay / timedelta(days=1),
        ),
    }
