import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import deployments.cli as cli
from deployments.cli.commands import COMMANDS
from deployments.cli.stack.secrets import write_secrets
from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.topics import topic_plans
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand


def test_help_lists_every_command_with_what_it_does(fraud: FraudCommand) -> None:
    shown = fraud("--help").out
    for command in COMMANDS.values():
        assert command.name in shown
        assert command.summary.split()[0] in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_own_help_begins_with_its_declared_summary(fraud: FraudCommand, name: str) -> None:
    shown = " ".join(fraud(name, "--help").out.split())
    assert COMMANDS[name].summary[:40] in shown


def test_help_imports_no_library_that_a_command_needs() -> None:
    heavy = ("mlflow", "prefect", "pyspark", "confluent_kafka", "pydantic", "numpy", "pyarrow")
    program = (
        "import sys, contextlib; from deployments.cli import application\n"
        "with contextlib.suppress(SystemExit): application().main(args=['--help'], prog_name='fraud')\n"
        f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_can_be_loaded(name: str) -> None:
    assert cli.load(COMMANDS[name]).name in (name, "")  # a group has no name of its own


def test_a_users_error_is_one_sentence_and_its_exit_code(fraud: FraudCommand) -> None:
    failed = fraud("env")
    assert failed.code == UnreachableError.exit_code
    assert failed.out == ""
    assert failed.err.startswith("error: no embedded stack runs in ")
    assert failed.err.count("\n") == 1


def test_debug_lets_the_traceback_through(fraud: FraudCommand) -> None:
    for arguments in (("--debug", "env"), ("env", "--debug")):
        with pytest.raises(UnreachableError):
            fraud(*arguments)


def test_an_unexpected_error_is_one_sentence_that_points_at_debug(
    fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a command with a defect
    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(cli, "application", broken)
    # when it is run
    failed = fraud("status")
    # then that is one sentence
    assert failed.code == 1
    assert failed.err.startswith(
        "error: unexpected ZeroDivisionError: division by zero; run again with --debug"
    )
    assert failed.err.count("\n") == 1


def test_an_unknown_command_is_refused(fraud: FraudCommand) -> None:
    refused = fraud("nonsense")
    assert refused.code == 2
    assert "No such command 'nonsense'" in refused.err


def test_a_malformed_setting_is_named(fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__PARTITIONS", "many")
    refused = fraud("status")
    assert refused.code == 2
    assert "FRAUD_KAFKA__PARTITIONS" in refused.err


def test_version(fraud: FraudCommand) -> None:
    assert fraud("--version").out.startswith("fraud-on-kafka ")


def test_doctor_with_a_dead_kafka_names_the_remedy(
    fraud: FraudCommand, mlflow_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    examined = fraud("doctor", "--json")
    assert examined.code == 1
    findings = {finding["name"]: finding for finding in json.loads(examined.out)}
    assert not findings["Kafka"]["ok"]
    assert "fraud up" in findings["Kafka"]["remedy"]
    assert findings["Java"]["ok"]
    assert findings["lake"]["ok"]


def test_topics_are_created_once(
    fraud: FraudCommand,
    broker: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    # given topics of which one is missing
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", broker)
    for name, topic in settings.topics.model_dump().items():
        monkeypatch.setenv(f"FRAUD_TOPICS__{name.upper()}", topic)
    monkeypatch.setenv("FRAUD_TOPICS__LABELS", f"{settings.topics.labels}.new")
    # when they are created
    first, second = fraud("topics", "create"), fraud("topics", "create")
    # then just that one is
    assert first.out.count(": created") == 1, first.err
    assert second.out.count(": created") == 0
    assert second.out.count(": there already") == len(topic_plans(settings))


def test_secrets_of_an_earlier_release_stay_and_the_missing_ones_are_added(tmp_path: Path) -> None:
    # given a file of before MLflow had users, whose last line has no end
    file = tmp_path / ".env"
    file.write_text("POSTGRES_PASSWORD=kept\nOWN=1")
    # when
    added = write_secrets(file)
    # then
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert (lines["POSTGRES_PASSWORD"], lines["OWN"]) == ("kept", "1")
    assert "MLFLOW_ADMIN_PASSWORD" in added
    assert "POSTGRES_PASSWORD" not in added
    # and a file that has all of them is left alone
    with pytest.raises(ConfigurationError, match="exists"):
        write_secrets(file)


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o000])
def test_generated_secrets_are_for_their_owner_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_secrets(tmp_path / ".env")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
