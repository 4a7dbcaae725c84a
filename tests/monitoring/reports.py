"""A monitor's report in which every figure is there."""

from datetime import date

from fraud.monitoring.consistency import Consistency
from fraud.monitoring.drift import Drift
from fraud.monitoring.moment_freshness import MomentFreshness
from fraud.monitoring.performance import BusyDay, DailyCounts, MaturedCounts, MaturedFigures
from fraud.monitoring.report import MonitoringReport
from tests.definitions import V1

_MATURED = MaturedCounts(predictions=90_000, alerts=450, frauds=300, caught=210)


def full_report() -> MonitoringReport:
    """Two drifted columns, a week's matured labels, no disagreement."""
    features = tuple(Drift(name, 0.3 - number / 200, 0.1) for number, name in enumerate(V1.feature_names))
    decided = (MaturedFigures("decline", 80, _MATURED),)
    return MonitoringReport(
        moment=1_760_000_000_000,
        model_version="3",
        expected_recall=0.75,
        predictions=100_000,
        sampled=1_000,
        repeated=0,
        features=features,
        score=Drift("score", 0.12, 0.05),
        days=(DailyCounts(date(2025, 10, 9), 15_000, 75, _MATURED),),
        matured=_MATURED,
        calibration=(),
        label_delay={"p10": 0.5, "p50": 2.0, "p90": 6.0},
        consistency=Consistency(1_000, 10, 0, 0, 0, 0, ()),
        outcomes=decided,
        rules=decided,
        busy_days=(BusyDay(date(2025, 10, 9), 75, 50),),
        notes=(),
        freshness=MomentFreshness(
            15_000, 0, 0.99, {"p50": 700.0, "p99": 1_300.0}, {"p50": 0.0, "p99": 900.0}
        ),
    )
