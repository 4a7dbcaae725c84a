"""The monitoring report: its figures, its alarms, and its JSON, MLflow and Markdown forms."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from fraud.evaluation.missed_fraud import MissedFraud
from fraud.monitoring.consistency import Consistency
from fraud.monitoring.drift import Drift
from fraud.monitoring.moment_freshness import MomentFreshness
from fraud.monitoring.performance import (
    BusyDay,
    CalibrationBin,
    DailyCounts,
    MaturedCounts,
    MaturedFigures,
    figures_documents,
)
from fraud.settings import MonitoringSettings

_SHOWN = 5
_MAX_WITHOUT = 0.01
"""The share of predictions without profiles above which something is wrong."""


@dataclass(frozen=True)
class MonitoringReport:
    """The state of the model in service.

    Attributes:
        moment: the newest time of a prediction or label, ms UTC.
        model_version: the champion's, None without one.
        expected_recall: the champion's recall on its own test set, None where its bundle has none.
        predictions: how many were evaluated.
        sampled: how many of them include their features.
        repeated: further predictions on the same payment.
        features: drift of each feature, highest PSI first; empty where it cannot be computed.
        score: drift of the champion's score, or None.
        days: alerts, and matured precision and recall, by day.
        matured: counts of all matured predictions of the champion, flagged at its own threshold whatever a
            policy decided; None while there are none.
        calibration: of the same predictions.
        label_delay: days from fraud to report, by quantile.
        consistency: of the online and the offline features, or None where there are no rows to compare.
        notes: what could not be evaluated, and why.
        model_digest: the champion's digest, None without a champion.
        freshness: of the profiles of fields; None where the definitions have none.
        outcomes: figures of each outcome.
        rules: figures of each live rule that fired.
        busy_days: with more reviews than the live policy says that analysts can do.
        missed: fraud among approved payments, by samples that analysts reviewed; None without any.
    """

    moment: int
    model_version: str | None
    expected_recall: float | None
    predictions: int
    sampled: int
    repeated: int
    features: tuple[Drift, ...]
    score: Drift | None
    days: tuple[DailyCounts, ...]
    matured: MaturedCounts | None
    calibration: tuple[CalibrationBin, ...]
    label_delay: dict[str, float]
    consistency: Consistency | None
    notes: tuple[str, ...]
    model_digest: str | None = None
    freshness: MomentFreshness | None = None
    outcomes: tuple[MaturedFigures, ...] = ()
    rules: tuple[MaturedFigures, ...] = ()
    busy_days: tuple[BusyDay, ...] = ()
    missed: MissedFraud | None = None

    @property
    def date(self) -> str:
        """The day (UTC) of the moment."""
        return datetime.fromtimestamp(self.moment / 1_000, UTC).date().isoformat()


def alarms(report: MonitoringReport, limits: MonitoringSettings) -> tuple[str, ...]:
    """Problems that a new training may fix, a sentence each: drift, and a recall that has fallen."""
    drifted = [
        one for one in (*report.features, *([report.score] if report.score else [])) if one.psi > limits.psi
    ]
    found = [
        f"{one.name} has drifted: PSI {one.psi:.2f} is above {limits.psi:g}, KS {one.ks:.2f}"
        for one in drifted
    ]
    matured, expected = report.matured, report.expected_recall
    if matured is None or expected is None or matured.frauds < limits.min_frauds:
        return tuple(found)
    recall = matured.caught / matured.frauds
    if recall < expected - limits.recall_drop:
        found.append(
            f"recall has fallen: {recall:.2f} of {matured.frauds} matured frauds, {expected:.2f} was expected"
        )
    return tuple(found)


def inconsistencies(report: MonitoringReport) -> tuple[str, ...]:
    """Disagreements between serving and the lake, a sentence each; training does not fix them."""
    found = report.consistency
    if found is None:
        return ()
    counts = {
        f"of {found.compared} sampled predictions have other features offline "
        f"({', '.join(found.features[:_SHOWN])})": found.mismatched,
        "training rows have no prediction": found.missing,
        "sampled predictions have no training row": found.extra,
    }
    return tuple(f"{count} {what}" for what, count in counts.items() if count)


def late_profiles(report: MonitoringReport, limits: MonitoringSettings) -> tuple[str, ...]:
    """Profiles that were older at the newest day's payments than is allowed, a sentence each."""
    found, limit_s = report.freshness, limits.profiles_late.total_seconds()
    if found is None:
        return ()
    sentences = []
    if found.without > _MAX_WITHOUT * found.predictions:
        sentences.append(
            f"{found.without} of {found.predictions} predictions of the newest day had no profiles; does the "
            "flow profiles run?"
        )
    late_s = found.late_seconds.get("p99", 0.0)
    if late_s > limit_s:
        sentences.append(
            f"profiles were up to {late_s / 60:.0f} minutes older than due (99 of 100 payments), "
            f"{limit_s / 60:.0f} are allowed; does the flow profiles run?"
        )
    return tuple(sentences)


def exceeded_capacity(report: MonitoringReport) -> tuple[str, ...]:
    """Days on which analysts had more to review than they can do, a sentence each."""
    return tuple(
        f"{one.date}: {one.reviews} payments to review, where analysts can do {one.capacity}; raise the "
        "band of review, or its capacity in the policy"
        for one in report.busy_days
    )


def as_document(report: MonitoringReport, limits: MonitoringSettings) -> dict[str, Any]:
    """The report as JSON holds it."""
    days = [
        _with_iso_date(asdict(day))
        | {"alert_rate": day.alert_rate, "matured": _matured_document(day.matured)}
        for day in report.days
    ]
    return asdict(report) | {
        "moment": datetime.fromtimestamp(report.moment / 1_000, UTC).isoformat(),
        "days": days,
        "matured": _matured_document(report.matured) if report.matured else None,
        "alarms": alarms(report, limits),
        "inconsistencies": inconsistencies(report),
        "late_profiles": late_profiles(report, limits),
        "outcomes": figures_documents(report.outcomes),
        "rules": figures_documents(report.rules),
        "exceeded_capacity": exceeded_capacity(report),
        "busy_days": [_with_iso_date(asdict(one)) for one in report.busy_days],
    }


def as_metrics(report: MonitoringReport) -> dict[str, float]:
    """The figures by flat names, as MLflow stores them; those that could not be computed are left out."""
    found: dict[str, float | None] = {
        "predictions": report.predictions,
        "sampled": report.sampled,
        "repeated": report.repeated,
        "highest_feature_psi": report.features[0].psi if report.features else None,
        "highest_feature_ks": max((one.ks for one in report.features), default=None),
        "score_psi": report.score.psi if report.score else None,
        "score_ks": report.score.ks if report.score else None,
        "alert_rate": sum(day.alerts for day in report.days) / report.predictions if report.days else None,
    }
    found |= {f"psi_{one.name}": one.psi for one in report.features}
    found |= {f"label_delay_{name}": value for name, value in report.label_delay.items()}
    if report.matured:
        found |= {f"matured_{name}": value for name, value in _matured_document(report.matured).items()}
    if report.consistency:
        found |= {f"consistency_{name}": count for name, count in report.consistency.counts.items()}
    if report.freshness:
        found |= _freshness_figures(report.freshness)
    found |= _decision_metrics("outcome", report.outcomes) | _decision_metrics("rule", report.rules)
    if report.missed:
        found |= report.missed.figures
    return {name: float(value) for name, value in found.items() if value is not None}


def _freshness_figures(freshness: MomentFreshness) -> dict[str, float]:
    ages = {f"profile_age_seconds_{name}": value for name, value in freshness.age_seconds.items()}
    late = {f"profile_late_seconds_{name}": value for name, value in freshness.late_seconds.items()}
    return {"profile_due_share": freshness.due_share, "without_profiles": freshness.without} | ages | late


def _decision_metrics(kind: str, figures: tuple[MaturedFigures, ...]) -> dict[str, float | None]:
    return {
        f"{kind}_{name}_{figure}": value
        for name, document in figures_documents(figures).items()
        for figure, value in document.items()
    }


def as_daily_metrics(report: MonitoringReport) -> dict[date, dict[str, float]]:
    """The figures of each day: alerts, and precision and recall where labels have matured."""
    found: dict[date, dict[str, float | None]] = {
        day.date: {
            "daily_predictions": day.predictions,
            "daily_alert_rate": day.alert_rate,
            "daily_precision": day.matured.precision,
            "daily_recall": day.matured.recall,
        }
        for day in report.days
    }
    return {
        day: {name: float(value) for name, value in figures.items() if value is not None}
        for day, figures in found.items()
    }


def as_markdown(report: MonitoringReport, limits: MonitoringSettings) -> str:
    """The report for a run's page."""
    raised = [
        *alarms(report, limits), *inconsistencies(report), *late_profiles(report, limits),
        *exceeded_capacity(report),
    ]  # fmt: skip
    lines = [f"# Model {report.model_version or '(none)'}, {report.date}", ""]
    lines += [f"- **{sentence}**" for sentence in raised] or ["No alarms."]
    lines += [f"- {sentence}" for sentence in report.notes]
    lines += ["", "| figure | value |", "|---|---|"]
    lines += [
        f"| {name} | {value:.4g} |"
        for name, value in as_metrics(report).items()
        if not name.startswith(("psi_", "outcome_", "rule_"))
    ]
    lines += [
        "",
        "| day | predictions | alert rate | precision | recall | frauds |",
        "|---|---|---|---|---|---|",
    ]
    for day in report.days:
        counts = day.matured
        lines.append(
            f"| {day.date} | {day.predictions} | {day.alert_rate:.4f} | {_share(counts.precision)} "
            f"| {_share(counts.recall)} | {counts.frauds} |"
        )
    lines += _decision_lines("outcome", report.outcomes) + _decision_lines("rule", report.rules)
    if report.features:
        lines += ["", "| feature | PSI | KS |", "|---|---|---|"]
        lines += [f"| {one.name} | {one.psi:.3f} | {one.ks:.3f} |" for one in report.features[:_SHOWN]]
    if report.calibration:
        lines += ["", "| score | predictions | expected | observed |", "|---|---|---|---|"]
        lines += [
            f"| {one.low:g} to {one.high:g} | {one.predictions} | {one.expected:.3f} | {one.observed:.3f} |"
            for one in report.calibration
        ]
    return "\n".join(lines) + "\n"


def _decision_lines(kind: str, figures: tuple[MaturedFigures, ...]) -> list[str]:
    if not figures:
        return []
    rows = [
        f"| {one.name} | {one.predictions} | {one.matured.caught} of {one.matured.alerts} "
        f"| {_share(one.matured.precision)} | {_share(one.matured.recall)} |"
        for one in figures
    ]
    heading = f"| {kind} | payments | fraud of matured | precision | recall |"
    return ["", heading, "|---|---|---|---|---|", *rows]


def _matured_document(matured: MaturedCounts) -> dict[str, float | None]:
    return asdict(matured) | {"precision": matured.precision, "recall": matured.recall}


def _with_iso_date(day: dict[str, Any]) -> dict[str, Any]:
    return day | {"date": day["date"].isoformat()}


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
