"""What MLflow's pages of runs and versions say first, as Markdown."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fraud.evaluation.gate import PromotionDecision
from fraud.evaluation.metrics import Estimate
from fraud.money.texts import sum_text
from fraud.registry.bundle import BundleMetadata
from fraud.training.run import EvaluationReport
from fraud.training.splits import Split


def run_title(metadata: BundleMetadata) -> str:
    """The name of a training's run: which model, trained on which days, and when."""
    days = f"{metadata.train_start:%Y-%m-%d} to {metadata.train_end:%Y-%m-%d}"
    return f"{metadata.model_name} {metadata.created_at:%Y-%m-%d %H:%M} UTC, trained on {days}"


def describe_training(
    metadata: BundleMetadata, report: EvaluationReport, split: Split, notes: Sequence[str] = ()
) -> str:
    """The headline metrics against the best baseline, the threshold and the data."""
    baseline = report.best_baseline
    others, currency = report.baselines[baseline].headline, report.test.amount_currency
    rows = [
        f"| {name.replace('_', ' ')} | {_shown(estimate, currency)} | {_shown(others[name], currency)} |"
        for name, estimate in report.model.headline.items()
    ]
    lines = [
        f"| tested on {split.test} | model | {baseline} |",
        "|---|---|---|",
        *rows,
        "",
        f"Alert threshold {metadata.threshold:.4g} ({metadata.policy}): {metadata.policy_reason}.",
        f"Trained on {metadata.train_start:%Y-%m-%d} to {metadata.train_end:%Y-%m-%d} "
        f"({metadata.engine}), code {metadata.code_version}, data {metadata.data_fingerprint[:16]}. "
        f"Card precision is that of {report.model.k} cards a day; brackets are 95 % intervals.",
        *(f"\n{note}" for note in notes),
    ]
    return "\n".join(lines)


def describe_decision(decision: PromotionDecision) -> str:
    """What the gate decided, with its time."""
    return f"Gate, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: **{decision.outcome}**. {decision.reason}"


def _shown(estimate: Estimate, currency: str) -> str:
    """Shares with three digits, money in units of its currency."""
    if abs(estimate.value) <= 1:
        return str(estimate)
    low, high = sum_text(estimate.low, currency), sum_text(estimate.high, currency)
    return f"{sum_text(estimate.value, currency)} [{low}, {high}]"
