"""Lake → point-in-time-correct training rows and merchants' profiles, day by day, with Spark."""

from datetime import date

from prefect import flow

from flows.entry import run_flow
from fraud.preprocess.days import DayManifest
from fraud.settings import load_settings
from fraud.telemetry import traced
from tasks.preprocess import bring_profiles, bring_rows, choose_days, publish_newest, report_days


@flow(name="preprocess")
def preprocess(start: date | None = None, end: date | None = None) -> list[DayManifest]:
    """Make the training rows of these days (default: all); a day whose inputs are the same stays."""
    settings = load_settings()
    with traced(settings, "preprocess"):
        period = choose_days(settings, start, end)
        profiles = bring_profiles(settings, period)
        rows = bring_rows(settings, period)
        publish_newest(settings, period)
        report_days(period, profiles, rows)
        return rows


if __name__ == "__main__":
    run_flow(preprocess)
