"""A refused client gets the reason within seconds and in one sentence; no secret is printed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fraud.errors import ConfigurationError, RefusedError, UnreachableError
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.topics import create_topics, existing_topics, topic_config
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.security.locked import LockedKafka

pytestmark = pytest.mark.broker

SECRET = "not-the-password"
QUICK_S = 8.0
"""Two to three seconds, and room for a machine that is busy with other things."""


def wrongly(locked: LockedKafka, **over: Any) -> dict[str, Any]:
    """Settings of a user with something wrong about them; None takes a setting away."""
    captured = locked.settings_of("clerk", SECRET) | over
    return {name: value for name, value in captured.items() if value is not None}


WRONG: dict[str, tuple[Callable[[LockedKafka], dict[str, Any]], type[UnreachableError], str]] = {
    "password": (
        lambda it: wrongly(it, sasl_username="admin"),
        RefusedError,
        r"refuses the credentials of user 'admin': set FRAUD_KAFKA__SASL_USERNAME and FRAUD_KAFKA__SASL_PAS",
    ),
    "user": (wrongly, RefusedError, "refuses the credentials of user 'clerk'"),
    "mechanism": (
        lambda it: wrongly(it, sasl_mechanism="SCRAM-SHA-256"),
        RefusedError,
        r"does not take SCRAM-SHA-256: set FRAUD_KAFKA__SASL_MECHANISM to one .* \(SCRAM-SHA-512\)",
    ),
    "authority": (
        lambda it: wrongly(it, ssl_ca_location=it.stranger.file),
        RefusedError,
        "certificate of Kafka at .* is not trusted.* set FRAUD_KAFKA__SSL_CA_LOCATION",
    ),
    "name": (
        lambda it: wrongly(
            it, bootstrap_servers=it.kafka.bootstrap_servers.replace("127.0.0.1", "localhost")
        ),
        RefusedError,
        "made out to another name.* FRAUD_KAFKA__BOOTSTRAP_SERVERS to the name in it",
    ),
    "plaintext": (
        lambda it: {"bootstrap_servers": it.kafka.bootstrap_servers},
        UnreachableError,
        "closes every connection of a client that speaks PLAINTEXT: set FRAUD_KAFKA__SECURITY_PROTOCOL",
    ),
    "nobody": (
        lambda it: {
            "bootstrap_servers": it.kafka.bootstrap_servers,
            "security_protocol": "SSL",
            "ssl_ca_location": it.authority.file,
        },
        UnreachableError,
        "closes every connection of a client that speaks SSL",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_sentence_names_what_to_set(
    locked: LockedKafka, make_settings: SettingsFactory, fault: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # given a client with something wrong
    kafka, kind, sentence = WRONG[fault]
    settings, begun = make_settings(kafka=kafka(locked)), time.monotonic()
    # when it asks anything
    with pytest.raises(kind, match=sentence) as failure:
        existing_topics(settings)
    # then it is refused quickly, and nothing is printed beside the sentence
    assert time.monotonic() - begun < QUICK_S
    assert type(failure.value) is kind
    assert SECRET not in str(failure.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "ask", [create_topics, lambda it: require_topic(it, "t"), lambda it: topic_config(it, "t")]
)
def test_whatever_is_asked_first(
    locked: LockedKafka, make_settings: SettingsFactory, ask: Callable[[Settings], object]
) -> None:
    settings = make_settings(kafka=wrongly(locked))
    with pytest.raises(RefusedError, match="refuses the credentials of user 'clerk'"):
        ask(settings)


def test_a_tls_client_at_a_plaintext_port(
    broker: str, locked: LockedKafka, make_settings: SettingsFactory
) -> None:
    settings = make_settings(kafka=wrongly(locked, bootstrap_servers=broker))
    with pytest.raises(UnreachableError, match=r"a client that speaks SASL_SSL: set FRAUD_KAFKA__SEC"):
        existing_topics(settings)


def test_a_missing_file_is_a_mistake_in_the_settings(
    locked: LockedKafka, make_settings: SettingsFactory
) -> None:
    settings = make_settings(kafka=wrongly(locked, ssl_ca_location=Path("nowhere.pem")))
    with pytest.raises(ConfigurationError, match=r"ssl.ca.location failed.*FRAUD_KAFKA__SSL_"):
        existing_topics(settings)


def environment(kafka: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """The variables of these Kafka settings."""
    captured = {f"FRAUD_KAFKA__{name.upper()}": str(value) for name, value in kafka.items()}
    return captured | {"FRAUD_HOME": str(tmp_path / "home")}


@pytest.fixture
def wrong_credentials(locked: LockedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(wrongly(locked), tmp_path).items():
        monkeypatch.setenv(name, value)


def payments(folder: Path) -> Path:
    """A file to replay."""
    file = folder / "payments.csv"
    file.write_text(
        "transaction_id,card_id,merchant_id,amount,currency,timestamp\nt,c,m,1.00,EUR,1760000000000\n"
    )
    return file


@pytest.mark.usefixtures("wrong_credentials")
@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"],
        ["acl", "grant"],
        ["simulate", "--days", "1", "--cards", "10"],
        ["simulate", "--rate", "5", "--duration", "1"],
        ["replay", "--transactions", "payments.csv"],
        ["redrive"],
    ],
    ids=" ".join,
)
def test_a_command_says_one_sentence(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from deployments.cli import main

    payments(tmp_path)
    monkeypatch.setattr("sys.argv", ["fraud", *arguments])
    begun = time.monotonic()
    with pytest.raises(SystemExit) as exited:
        main()
    captured = capfd.readouterr()
    assert exited.value.code == RefusedError.exit_code
    assert_one_sentence(captured.err)
    assert captured.out.strip() == ""
    assert time.monotonic() - begun < 2 * QUICK_S


@pytest.mark.usefixtures("wrong_credentials")
def test_the_doctor_names_the_credentials(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], mlflow_db: str
) -> None:
    from deployments.cli import main

    monkeypatch.setattr("sys.argv", ["fraud", "doctor"])
    with pytest.raises(SystemExit) as exited:
        main()
    captured = capfd.readouterr()
    (kafka,) = [line for line in captured.out.splitlines() if line.startswith("✗ Kafka ")]
    assert exited.value.code == 1
    assert "refuses the credentials of user 'clerk'" in kafka
    assert "fraud up" not in kafka
    assert SECRET not in captured.out + captured.err


def test_a_worker_ends_with_one_sentence(locked: LockedKafka, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving"],
        env=os.environ | environment(wrongly(locked), tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == RefusedError.exit_code, done.stderr
    assert_one_sentence(done.stderr)
    assert done.stdout == ""


def assert_one_sentence(text: str) -> None:
    assert text.startswith("error: ")
    assert text.strip().count("\n") == 0
    assert "refuses the credentials of user 'clerk': set FRAUD_KAFKA__SASL_USERNAME" in text
    assert SECRET not in text
