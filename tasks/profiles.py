"""The tasks of profiles of ids and categories: bring the lake's up to date, and publish the newest moment."""

from datetime import UTC, datetime

from prefect import get_run_logger, task

from fraud.lake import open_lake
from fraud.money.lake_rates import load_lake_rates
from fraud.profiles.making.publish import Publication
from fraud.profiles.making.run import make_and_publish
from fraud.settings import Settings
from tasks.retries import WITH_RETRIES

_HOUR_S = 3_600


@task(**WITH_RETRIES, timeout_seconds=_HOUR_S)
def publish_field_profiles(settings: Settings) -> Publication:
    """Make what the lake lacks, and publish what has changed."""
    load_lake_rates(settings)
    published = make_and_publish(settings, open_lake(settings), datetime.now(UTC))
    get_run_logger().info("%s", published)
    return published
