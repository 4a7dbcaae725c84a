"""The ingest's tasks: which partitions there are, and one partition's way into the lake."""

from collections.abc import Sequence

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from fraud.errors import RefusedError
from fraud.ingest.commits import Commit
from fraud.ingest.dead_letters import problem_with_letters
from fraud.ingest.partition import LakeSource, ingest_partition, sources
from fraud.kafka.permission_checks import require_readable
from fraud.lake import open_lake
from fraud.money.lake_rates import store_topic_rates
from fraud.settings import Settings
from tasks.retries import WITH_RETRIES


@task(**WITH_RETRIES, timeout_seconds=300)
def ingest_rates(settings: Settings) -> None:
    """Bring the rates of the topic to the lake, where definitions take them from there."""
    daily = store_topic_rates(settings, open_lake(settings))
    if daily is not None and not daily.rates:
        get_run_logger().warning("the topic %r has no rates yet", settings.topics.rates)
    elif daily is not None:
        get_run_logger().info("%d rates of %r are in the lake", len(daily.rates), settings.topics.rates)


@task(**WITH_RETRIES, timeout_seconds=60)
def list_partitions(settings: Settings) -> list[tuple[LakeSource, int]]:
    """Every partition of every topic that the lake keeps."""
    missing = problem_with_letters(settings)
    if missing:
        get_run_logger().warning("refused labels cannot become dead letters yet: %s", missing)
    return [
        (source, partition)
        for source in sources(settings)
        for partition in range(_count_partitions(settings, source))
    ]


def _count_partitions(settings: Settings, source: LakeSource) -> int:
    """Decisions are left out while they may not be read, as before permissions were granted again."""
    try:
        return require_readable(settings, source.topic)
    except RefusedError as error:
        if source.dataset != "decisions":
            raise
        get_run_logger().warning(
            "decisions are not ingested, so payments that were declined count as legitimate in training: %s; "
            "grant the identity `ingest` its permissions with `fraud acl`", error,
        )  # fmt: skip
        return 0


@task(
    task_run_name="ingest-{source.dataset}-p{partition}",
    **WITH_RETRIES,
    # No timeout: Prefect cannot interrupt a mapped task, and the reading ends by itself when Kafka is silent.
)
def ingest_one(settings: Settings, source: LakeSource, partition: int) -> list[Commit]:
    """Bring one partition's new records to the lake."""
    commits = ingest_partition(settings, open_lake(settings), source, partition)
    logger = get_run_logger()
    for commit in commits:
        logger.info("%s", describe(commit))
        if commit.lost:
            logger.error("%d offsets were deleted by Kafka before they were ingested", commit.lost)
        if commit.refused:
            logger.warning("%d refused, such as %s", commit.refused, "; ".join(commit.reasons))
    return commits


def describe(commit: Commit) -> str:
    """A commit in one line."""
    return (
        f"{commit.dataset} p{commit.partition}: offsets {commit.start} to {commit.end}, "
        f"{commit.admitted} rows in {len(commit.files)} files, {commit.refused} refused, {commit.lost} lost"
    )


@task(cache_policy=NO_CACHE)
def report_ingest(commits: Sequence[Commit]) -> None:
    """A table of the run for its page."""
    columns = ("dataset", "partition", "start", "end", "admitted", "refused", "lost")
    rows = [{name: getattr(commit, name) for name in columns} for commit in commits]
    create_table_artifact(table=rows, key="ingest", description="What this run brought to the lake")
