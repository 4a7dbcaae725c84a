"""What runs first inside a container: databases' addresses, servers' command lines, needs."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.containers import databases, servers, waiting
from deployments.containers.databases import (
    database_uri,
    for_mlflow,
    for_prefect,
    head_revision,
    wait_until_reachable,
)
from deployments.containers.needs import wait_for
from deployments.containers.settings import ContainerSettings
from deployments.containers.spark import executor_command
from deployments.containers.waiting import poll
from fraud.errors import ConfigurationError, FraudError, UnreachableError
from fraud.settings import Settings
from tests.conftest import SettingsFactory

URI = "postgresql://prefect:p%40ss@db:5432/prefect?sslmode=require"


def quiet(text: str) -> None:
    """Says nothing."""


def test_one_uri_serves_both_drivers() -> None:
    assert for_mlflow(URI) == "postgresql+psycopg://prefect:p%40ss@db:5432/prefect?sslmode=require"
    assert for_prefect(URI) == "postgresql+asyncpg://prefect:p%40ss@db:5432/prefect?ssl=require"


@pytest.mark.parametrize("application", ["prefect", "mlflow"])
def test_the_newest_migration_is_known_without_a_database(application: str) -> None:
    assert len(head_revision(application)) == 12


def test_mlflows_newest_migration_is_the_one_that_mlflow_asks_for() -> None:
    from mlflow.store.db.utils import _get_latest_schema_revision

    assert head_revision("mlflow") == _get_latest_schema_revision()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (None, "FRAUD_CONTAINER_DATABASE_URI is not set"),
        ("sqlite:///prefect.db", "names sqlite; Postgres is needed"),
        ("db:5432", "is no URI"),
    ],
)
def test_a_database_that_cannot_be_is_refused(
    uri: str | None, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uri is not None:
        monkeypatch.setenv("FRAUD_CONTAINER_DATABASE_URI", uri)
    with pytest.raises(ConfigurationError, match=sentence):
        database_uri()


def test_a_silent_database_is_named_without_its_password() -> None:
    with pytest.raises(
        UnreachableError, match=r"Postgres at 127.0.0.1:1, database prefect, user prefect"
    ) as failure:
        wait_until_reachable("postgresql://prefect:hidden@127.0.0.1:1/prefect", 0, quiet)
    assert "hidden" not in str(failure.value)


def test_waiting_for_migrations_says_which_job_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_revision", lambda uri: "abc")
    with pytest.raises(UnreachableError, match=r"is at revision abc, not .*`migrate prefect`"):
        databases.wait_until_migrated("prefect", URI, 0, quiet)


def test_a_server_gets_its_database_by_its_environment_alone() -> None:
    settings = ContainerSettings(artifact_root="s3://fraud/mlflow", allowed_hosts="mlflow,mlflow:5000")
    for build in (servers._prefect, servers._mlflow):
        arguments, environment = build(settings, URI)
        assert "p%40ss" not in " ".join(arguments)
        assert any("p%40ss" in value for value in environment.values())


def test_mlflow_hands_out_no_artifacts_and_knows_its_names() -> None:
    settings = ContainerSettings(artifact_root="s3://fraud/mlflow", allowed_hosts="mlflow,mlflow:5000")
    arguments, _ = servers._mlflow(settings, URI)
    assert "--no-serve-artifacts" in arguments
    assert arguments[arguments.index("--allowed-hosts") + 1] == "mlflow,mlflow:5000"


def test_mlflow_without_a_place_for_artifacts_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ARTIFACT_ROOT is not set"):
        servers._mlflow(ContainerSettings(), URI)


def test_waiting_reports_each_new_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # given something that is missing for one reason and then for another
    pauses: list[float] = []
    monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=pauses.append))
    reasons = iter(["no broker", "no broker", "no topic"])
    reported: list[str] = []

    def check() -> None:
        reason = next(reasons, None)
        if reason:
            raise UnreachableError(reason)

    # when
    poll(check, 60, reported.append)
    # then it paused between the checks, and ended at the first that passed
    assert reported == ["waiting: no broker", "waiting: no topic"]
    assert pauses == [2.0, 2.0, 2.0]


def test_waiting_gives_up_with_the_last_reason() -> None:
    def check() -> None:
        raise UnreachableError("no broker")

    reported: list[str] = []
    with pytest.raises(UnreachableError, match="no broker"):
        poll(check, 0, reported.append)
    assert reported == []


def test_a_malformed_setting_is_not_waited_for() -> None:
    def check() -> None:
        raise ConfigurationError("FRAUD_LAKE__URL: no such scheme")

    with pytest.raises(ConfigurationError):
        poll(check, 60, quiet)


@pytest.mark.broker
def test_missing_topics_are_named_with_their_remedy(make_settings: SettingsFactory, broker: str) -> None:
    bare = make_settings(kafka={"bootstrap_servers": broker})
    with pytest.raises(
        UnreachableError, match=r"Kafka lacks the topics .*transactions.*`fraud topics create`"
    ):
        wait_for(bare, ["kafka", "topics"], 0, quiet)


@pytest.mark.broker
def test_topics_that_are_there_are_found(settings: Settings) -> None:
    wait_for(settings, ["kafka", "topics"], 0, quiet)


def test_an_unknown_need_is_refused(local_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="'money' is not one of kafka"):
        wait_for(local_settings, ["money"], 0, quiet)


def test_servers_that_do_not_answer_are_named(make_settings: SettingsFactory) -> None:
    silent = make_settings(
        prefect_api_url="http://127.0.0.1:1/api", registry={"tracking_uri": "http://127.0.0.1:1"}
    )
    for need, name in (("prefect", "Prefect"), ("registry", "MLflow"), ("pool:kubernetes", "Prefect")):
        with pytest.raises(UnreachableError, match=f"{name} at http://127.0.0.1:1.* does not answer"):
            wait_for(silent, [need], 0, quiet)


def test_an_executor_is_started_as_spark_says() -> None:
    environment = {
        "JAVA_HOME": "/java",
        "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@10.0.0.5:7078",
        "SPARK_EXECUTOR_ID": "1",
        "SPARK_EXECUTOR_CORES": "2",
        "SPARK_EXECUTOR_MEMORY": "2g",
        "SPARK_APPLICATION_ID": "spark-1",
        "SPARK_EXECUTOR_POD_IP": "10.0.0.6",
        "SPARK_RESOURCE_PROFILE_ID": "0",
        "SPARK_EXECUTOR_POD_NAME": "exec-1",
        "SPARK_JAVA_OPT_10": "-Dlater",
        "SPARK_JAVA_OPT_2": "-Dsooner",
    }
    command = executor_command(environment)
    assert command[:5] == ["/java/bin/java", "-Dsooner", "-Dlater", "-Xms2g", "-Xmx2g"]
    assert command[command.index("--executor-id") + 1] == "1"
    jars = Path(command[command.index("-cp") + 1])
    assert list(jars.parent.glob("spark-kubernetes_*.jar"))


def test_a_container_that_spark_did_not_start_is_no_executor() -> None:
    with pytest.raises(ConfigurationError, match="SPARK_DRIVER_URL is not set"):
        executor_command({"JAVA_HOME": "/java"})


def test_a_failure_is_one_sentence_and_the_reason_that_kubernetes_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from deployments.containers import __main__ as program

    # given a pod's file for the reason
    reason = tmp_path / "termination-log"
    reason.touch()
    monkeypatch.setattr(program, "TERMINATION_LOG", reason)
    monkeypatch.setattr(sys, "argv", ["containers", "healthy", "http://127.0.0.1:1/live"])
    # when
    with pytest.raises(SystemExit) as ended:
        program.main()
    # then
    assert ended.value.code == FraudError.exit_code
    assert capsys.readouterr().err.startswith("error: http://127.0.0.1:1/live does not answer")
    assert reason.read_text().startswith("http://127.0.0.1:1/live does not answer")
