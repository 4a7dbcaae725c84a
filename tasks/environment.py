"""The first and the last step of the pipeline: check the environment, remove leftovers."""

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from fraud.errors import UnreachableError
from fraud.health_checks import check_environment
from fraud.housekeeping import remove_leftovers
from fraud.lake import open_lake
from fraud.privacy.home_retention import prune_home
from fraud.privacy.housekeeping import finish_forgetting
from fraud.privacy.lake_retention import prune_lake
from fraud.settings import Settings
from tasks.retries import WITH_RETRIES


@task(**WITH_RETRIES, timeout_seconds=300)
def validate_environment(settings: Settings) -> None:
    """Stop before the work if something that it needs is missing.

    Raises:
        UnreachableError: names the first missing part and its remedy.
    """
    findings = check_environment(settings, identity="pipeline")
    rows = [{"": "✓" if one.ok else "✗", "what": one.name, "found": one.detail} for one in findings]
    create_table_artifact(table=rows, key="environment", description="What the pipeline needs")
    for finding in findings:
        if not finding.ok:
            parts = (f"{finding.name}: {finding.detail}", finding.remedy)
            raise UnreachableError("; ".join(filter(None, parts)))


@task(**WITH_RETRIES, timeout_seconds=3_600)
def clean_up(settings: Settings) -> list[str]:
    """Remove leftovers, what is older than the settings allow, and forgotten cards."""
    lake, logger = open_lake(settings), get_run_logger()
    removed = remove_leftovers(lake)
    logger.info("%d leftovers removed", len(removed))
    old = prune_lake(lake, settings.retention)
    files = prune_home(settings.home, settings.retention)
    logger.info("%d files of the lake and %d of the home removed for their age", len(old), len(files))
    done = finish_forgetting(settings, lake)
    logger.info("%d rows of forgotten cards removed, %d cards are off the log", done.rows, done.expired)
    return [*removed, *old]
