"""Keys of the gateway from the command line, and the gateway as a process of a home."""

import re
from pathlib import Path

import httpx
import pytest

from deployments.local.gateway import LocalGateway
from deployments.local.stack import NAMES
from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.topics import create_topics
from fraud.settings import load_settings
from serving.gateway.auth.keys import KeyFile
from tests.deployments.conftest import FraudCommand
from tests.serving.gateway.support import payment


def keys() -> KeyFile:
    return KeyFile(load_settings().gateway_keys)


def test_a_key_is_printed_alone_and_listed_without_it(fraud: FraudCommand) -> None:
    # when
    made = fraud("gateway", "key", "create", "--name", "switch", "--scope", "review", "--rate", "7")
    listed = fraud("gateway", "key", "list")
    # then a script gets the key and nothing else, and the file knows it
    text = made.out.strip()
    found = keys().find(text)
    assert found is not None
    assert (found.name, found.scopes, found.rate) == ("switch", ("review",), 7.0)
    assert "shown only now" in made.err
    assert "switch" in listed.out
    assert text not in listed.out


def test_a_key_is_rotated_and_revoked(fraud: FraudCommand) -> None:
    # given
    first = fraud("gateway", "key", "create", "--name", "switch").out.strip()
    # when it is rotated without an overlap
    second = fraud("gateway", "key", "rotate", "--name", "switch", "--overlap-hours", "0").out.strip()
    # then
    assert [keys().find(one) is not None for one in (first, second)] == [False, True]
    assert fraud("gateway", "key", "revoke", "--name", "switch").code == 0
    assert keys().find(second) is None


def test_a_mistake_is_one_sentence(fraud: FraudCommand) -> None:
    for arguments in (
        ["rotate", "--name", "nobody"],
        ["create", "--name", "two words"],
        ["create", "--name", "one", "--scope", "everything"],
    ):
        found = fraud("gateway", "key", *arguments)
        assert found.code == ConfigurationError.exit_code
        assert found.err.count("\n") == 1


def test_without_kafka_it_does_not_start_and_says_why(
    fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("FRAUD_KAFKA__REQUEST_TIMEOUT_S", "0.5")
    found = fraud("gateway", "--port", "0")
    assert found.code == UnreachableError.exit_code
    assert "127.0.0.1:1" in found.err


@pytest.mark.broker
def test_it_starts_once_and_ends_whole(tmp_path: Path, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", broker)
    create_topics(load_settings())
    gateway = LocalGateway(tmp_path / "home")
    try:
        # when it is started twice
        address, again = gateway.start(preferred_port=0), gateway.start(preferred_port=0)
        # then it is one, and it describes itself
        assert again == address
        assert "/v1/decisions" in httpx.get(f"{address}/openapi.json", trust_env=False).text
        status = gateway.status()
        assert status is not None
        assert (status.state, status.address) == ("ready", address)
    finally:
        assert gateway.stop()
    # and when it has ended, nobody answers
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
    assert gateway.status() is None


class RunningStack:
    """A stack whose servers run already."""

    names = NAMES

    def __init__(self, *_: object) -> None:
        pass

    def start(self, *_: object) -> list[str]:
        return []

    def status(self) -> list[object]:
        return []

    def stop(self) -> list[str]:
        return []

    def pids(self) -> list[int]:
        return []

    def addresses(self) -> dict[str, str]:
        return {}


@pytest.mark.broker
def test_the_stack_comes_with_a_gateway_whose_first_key_is_shown_once(
    fraud: FraudCommand, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a stack that runs
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("FRAUD_GATEWAY__PORT", "0")
    for command in ("up", "down"):
        monkeypatch.setattr(f"deployments.cli.stack.{command}.Stack", RunningStack)
    monkeypatch.setattr("deployments.cli.stack.up._create_topics", lambda *_: create_topics(load_settings()))
    try:
        # when the gateway is asked for twice
        first, again = (fraud("up", "--no-dashboard", "--gateway") for _ in range(2))
        # then the key that was printed is let in, and without an engine the answer is the fallback
        key, address = re.search(r"fk_\S+", first.out), re.search(r"gateway at (http://\S+),", first.out)
        assert key is not None
        assert address is not None
        headers = {"Authorization": f"Bearer {key[0]}", "X-Deadline-Ms": "50"}
        url = f"{address[1]}/v1/decisions"
        answer = httpx.post(url, json=payment(1), headers=headers, timeout=30, trust_env=False)
        assert (answer.status_code, answer.json()["status"]) == (200, "fallback")
        # and it is not made again
        assert address[0] in again.out
        assert "first key" not in again.out
    finally:
        ended = fraud("down")
    # and `fraud down` ends it
    assert ended.out == "stopped Gateway\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(address[1], trust_env=False)
