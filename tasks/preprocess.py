"""The preprocessing's tasks: profiles, training rows, and the profiles that serving gets."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from fraud.lake import open_lake
from fraud.money.lake_rates import load_lake_rates
from fraud.preprocess.days import DayManifest
from fraud.preprocess.first_day import first_whole_day
from fraud.preprocess.period import Period, choose_period
from fraud.preprocess.profiles import make_profiles, read_profiles
from fraud.preprocess.publish import publish_profiles
from fraud.preprocess.published import store_published
from fraud.preprocess.rows import make_rows
from fraud.settings import Settings
from fraud.spark import spark_session
from tasks.retries import WITH_ONE_RETRY, WITH_RETRIES

_HOUR_S = 3_600


@task(**WITH_RETRIES, timeout_seconds=300)
def choose_days(settings: Settings, start: date | None, end: date | None) -> Period:
    """The days of this run."""
    load_lake_rates(settings)
    today, delay = datetime.now(UTC).date(), settings.profiles.available_after
    lake = open_lake(settings)
    first_whole = first_whole_day(lake, settings.loaded_definitions)
    period = choose_period(lake, start, end, today, delay, first_whole)
    get_run_logger().info("rows from %s to %s", period.first, period.last)
    return period


@task(**WITH_ONE_RETRY, timeout_seconds=2 * _HOUR_S)
def update_profiles(settings: Settings, period: Period) -> list[date]:
    """Bring the merchants' profiles up to date."""
    made = make_profiles(
        settings.loaded_definitions,
        open_lake(settings),
        period.profile_days,
        partial(spark_session, settings.spark),
        settings.labels,
    )
    get_run_logger().info("profiles of %d of %d days made", len(made), len(period.profile_days))
    return made


@task(**WITH_ONE_RETRY, timeout_seconds=6 * _HOUR_S)
def update_rows(settings: Settings, period: Period) -> list[DayManifest]:
    """Bring the training rows up to date."""
    made = make_rows(
        settings.loaded_definitions,
        open_lake(settings),
        period.row_days,
        settings.admission.lateness,
        settings.spark.rows_per_task,
        partial(spark_session, settings.spark),
        period.available_after,
        settings.labels,
        settings.profiles.delay,
        settings.memory,
    )
    rows = sum(day.rows for day in made)
    get_run_logger().info("%d rows of %d of %d days made", rows, len(made), len(period.row_days))
    return made


@task(**WITH_RETRIES, timeout_seconds=600)
def publish_newest(settings: Settings, period: Period) -> int:
    """Publish the newest profiles for serving."""
    lake = open_lake(settings)
    profiles = read_profiles(lake, [period.publish])[period.publish]
    # First: the monitor must find in the lake whatever serving may have read.
    store_published(lake, period.publish, profiles)
    count = publish_profiles(settings, period.publish, profiles)
    get_run_logger().info("%d profiles of %s published", count, period.publish)
    return count


@task(cache_policy=NO_CACHE)
def report_days(period: Period, profiles: Sequence[date], rows: Sequence[DayManifest]) -> None:
    """A table of the run for its page."""
    made = {day.date: day for day in rows}
    table = [
        {
            "day": str(day),
            "rows": made[day].rows if day in made else "unchanged",
            "repeats left out": made[day].repeats if day in made else "",
            "ids of other payments left out": made[day].reused if day in made else "",
            "profiles": "made" if day in profiles else "unchanged",
        }
        for day in period.row_days
    ]
    create_table_artifact(table=table, key="preprocess", description="What this run made of the lake")
