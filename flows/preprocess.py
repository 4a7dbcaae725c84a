"""Lake → point-in-time-correct training rows and merchants' profiles, day by day, with Spark."""

from datetime import date

from prefect import flow

from flows.entry import run_flow
from flows.runs import completed, keep_result, run_name
from fraud.preprocess.days import DayManifest
from fraud.settings import load_settings
from fraud.telemetry import flow_span
from tasks.preprocess import choose_days, publish_newest, report_days, update_profiles, update_rows


@flow(name="preprocess", flow_run_name=run_name, on_completion=[keep_result])
def preprocess(start: date | None = None, end: date | None = None) -> list[DayManifest]:
    """Make the training rows of these days (default: all); a day with unchanged inputs is not made again."""
    settings = load_settings()
    with flow_span(settings, "preprocess"):
        period = choose_days(settings, start, end)
        profiles = update_profiles(settings, period)
        rows = update_rows(settings, period)
        publish_newest(settings, period)
        report_days(period, profiles, rows)
        made = sum(day.rows for day in rows)
        return completed(
            rows, f"{made} training rows of {len(rows)} days made, {len(profiles)} days of profiles"
        )


if __name__ == "__main__":
    run_flow(preprocess)
