"""The ingest flow on a real broker, and the lake on a real S3 server."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from flows.ingest import ingest
from fraud.errors import DataError, UnreachableError
from fraud.ingest.commits import committed_files
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.streams import START_MS, accidental_stream, label, produce

ROOT = Path(__file__).parents[2]


def ids(lake: Lake) -> Counter[str]:
    files = committed_files(lake, "transactions")
    return Counter(
        name for file in files for name in lake.read_table(file.path)["transaction_id"].to_pylist()
    )


def environment(settings: Settings) -> dict[str, str]:
    """The variables under which a flow finds these settings."""
    topics = {f"FRAUD_TOPICS__{name.upper()}": topic for name, topic in settings.topics.model_dump().items()}
    return topics | {
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_KAFKA__REQUEST_TIMEOUT_S": str(settings.kafka.request_timeout_s),
    }


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("prefect_server")
def test_the_flow_brings_all_partitions(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # given transactions and labels on topics of several partitions
    stream = accidental_stream(100, days=2)
    produce(settings, settings.topics.transactions, stream)
    produce(settings, settings.topics.labels, [label(1, START_MS)])
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    # when the flow runs twice
    commits = ingest()
    again = ingest()
    # then everything is in the lake, once
    assert sum(commit.admitted for commit in commits) == len(stream) + 1
    assert again == []
    assert ids(open_lake(settings)) == Counter(one["transaction_id"] for one in stream)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("prefect_server")
def test_a_users_mistake_ends_the_program_with_one_sentence(local_settings: Settings, tmp_path: Path) -> None:
    # given a lake without transactions
    variables = environment(local_settings) | {
        "PATH": "/usr/bin:/bin",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
    }
    # when a flow's file is run as a program
    program = [sys.executable, str(ROOT / "flows" / "preprocess.py")]
    ran = subprocess.run(program, cwd=tmp_path, env=variables, capture_output=True, text=True)
    # then it ends with the sentence and its exit code, without a traceback
    assert ran.returncode == DataError.exit_code, ran.stderr
    assert "error: the lake has no transactions yet; run flows/ingest.py first" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_lake_on_s3_holds_every_record_once(
    make_settings: SettingsFactory, broker: str, s3_lake: dict[str, object]
) -> None:
    # given a lake on S3 and a run that died between its files and its commit
    kafka = {"bootstrap_servers": broker, "partitions": 1}
    settings = make_settings(lake=s3_lake, kafka=kafka, ingest={"chunk_rows": 20, "batch_size": 7})
    create_topics(settings)
    stream = accidental_stream(60, days=2)
    produce(settings, settings.topics.transactions, stream)
    lake, source = open_lake(settings), sources(settings)[0]
    commits = ingest_partition(settings, lake, source, 0)
    lake.remove(f"transactions/_commits/p0/{commits[-1].start:020d}-{commits[-1].end:020d}.json")
    assert ids(lake).total() == sum(commit.admitted for commit in commits[:-1])
    # when the next run comes
    ingest_partition(settings, lake, source, 0)
    # then every record is there once, and no file that does not count
    assert ids(lake) == Counter(one["transaction_id"] for one in stream)
    counted = {file.path for file in committed_files(lake, "transactions")}
    assert {path for path in lake.list_all("transactions") if "_commits" not in path} == counted


def test_wrong_credentials_are_one_sentence(
    make_settings: SettingsFactory, s3_lake: dict[str, object]
) -> None:
    # given a wrong secret
    settings = make_settings(lake=s3_lake | {"s3_secret": "not-the-secret"})
    # when the lake is opened, then the sentence names it, not the secret
    with pytest.raises(UnreachableError, match="s3://lake") as failure:
        open_lake(settings)
    assert "not-the-secret" not in str(failure.value)
