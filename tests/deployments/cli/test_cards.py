"""`fraud cards`: keys of pseudonyms from the command line."""

import io
import stat
from pathlib import Path

import pytest

from fraud.cards.pseudonyms import CardKeys, parse_key
from fraud.settings import load_settings
from tests.deployments.conftest import FraudCommand
from tests.fraud.cards.made import KEY, VISA


def test_a_new_key_is_printed_alone(fraud: FraudCommand) -> None:
    first, second = (fraud("cards", "new-key").out.strip() for _ in range(2))
    assert parse_key(first) != parse_key(second)


def test_a_key_file_is_made_rotated_and_used(fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a key file where settings look for it
    path = load_settings().card_key_file
    fraud("cards", "new-key", "--file", str(path))
    before = load_settings().card_keys
    assert before is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    # when the key is changed, and a number is asked for by the input
    fraud("cards", "rotate")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{VISA}\n"))
    printed = fraud("cards", "pseudonym").out.split()

    # then it is found under both keys, the new one first
    after = load_settings().card_keys
    assert isinstance(after, CardKeys)
    assert printed == [after.pseudonym(VISA), before.pseudonym(VISA)]


def test_what_cannot_be_done_is_said(
    fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    existing = tmp_path / "keys"
    existing.write_text(KEY)
    assert "rotate" in fraud("cards", "new-key", "--file", str(existing)).err
    assert "there is no key" in fraud("cards", "pseudonym").err
    monkeypatch.setenv("FRAUD_CARDS__KEY", KEY)
    assert "FRAUD_CARDS__PREVIOUS_KEYS" in fraud("cards", "rotate").err
    monkeypatch.setattr("sys.stdin", io.StringIO("4111111111111112\n"))
    refused = fraud("cards", "pseudonym")
    assert refused.code == 4
    assert "no card number" in refused.err
    assert "4111" not in refused.err
