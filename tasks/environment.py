"""The first and the last step of the pipeline: check the environment, remove leftovers."""

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from fraud.errors import UnreachableError
from fraud.health_checks import check_environment
from fraud.housekeeping import remove_leftovers
from fraud.lake import open_lake
from fraud.settings import Settings
from tasks.retries import WITH_RETRIES


@task(**WITH_RETRIES, timeout_seconds=300)
def validate_environment(settings: Settings) -> None:
    """Stop before the work if something that it needs is missing.

    Raises:
        UnreachableError: names the first missing part and its remedy.
    """
    findings = check_environment(settings)
    rows = [{"": "✓" if one.ok else "✗", "what": one.name, "found": one.detail} for one in findings]
    create_table_artifact(table=rows, key="environment", description="What the pipeline needs")
    for finding in findings:
        if not finding.ok:
            parts = (f"{finding.name}: {finding.detail}", finding.remedy)
            raise UnreachableError("; ".join(filter(None, parts)))


@task(**WITH_RETRIES, timeout_seconds=600)
def clean_up(settings: Settings) -> list[str]:
    """Remove files that killed runs left in the lake."""
    removed = remove_leftovers(open_lake(settings))
    get_run_logger().info("%d leftovers removed", len(removed))
    return removed
