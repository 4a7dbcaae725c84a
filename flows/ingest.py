"""Kafka → lake: every record once, each partition from where the last run ended."""

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.entry import run_flow
from flows.runs import completed, keep_result, run_name
from fraud.ingest.commits import Commit
from fraud.settings import load_settings
from fraud.telemetry import flow_span
from tasks.ingest import ingest_one, list_partitions, report_ingest


@flow(
    name="ingest",
    flow_run_name=run_name,
    on_completion=[keep_result],
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]
)
def ingest() -> list[Commit]:
    """Bring the new transactions and labels from Kafka to the lake."""
    settings = load_settings()
    with flow_span(settings, "ingest"):
        runs = [ingest_one.submit(settings, source, number) for source, number in list_partitions(settings)]
        commits = [commit for run in runs for commit in run.result()]
        report_ingest(commits)
        rows, refused = sum(commit.admitted for commit in commits), sum(commit.refused for commit in commits)
        return completed(commits, f"{rows} rows ingested, {refused} refused")


if __name__ == "__main__":
    run_flow(ingest)
