"""Where the keys of pseudonyms come from: a file, or settings."""

import stat
from pathlib import Path

import pytest

from fraud.cards.key_file import add_key, make_key_file, read_key_file
from fraud.env_export import environment_variables
from fraud.errors import ConfigurationError
from fraud.settings import load_settings
from tests.conftest import SettingsFactory
from tests.fraud.cards.made import KEY, KEYS, OTHER_KEY, VISA


def test_a_new_file_is_for_its_owner_alone_and_is_made_once(tmp_path: Path) -> None:
    # given a file that was made
    path = tmp_path / "cards" / "keys"
    make_key_file(path)
    before = path.read_text()

    # when it is made again
    make_key_file(path)

    # then it is as it was, and nobody else reads it
    assert path.read_text() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_rotated_file_makes_new_pseudonyms_and_looks_former_ones_up(tmp_path: Path) -> None:
    # given a file with a key
    path = tmp_path / "keys"
    make_key_file(path)
    before = read_key_file(path, is_required=True)

    # when a key is added
    add_key(path)
    after = read_key_file(path, is_required=True)

    # then the former one is behind it
    assert before is not None
    assert after is not None
    assert after.lookups(VISA)[1] == before.pseudonym(VISA)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_file_is_an_error_only_where_it_was_named(tmp_path: Path) -> None:
    assert read_key_file(tmp_path / "keys", is_required=False) is None
    with pytest.raises(ConfigurationError, match="fraud cards new-key --file"):
        read_key_file(tmp_path / "keys", is_required=True)


@pytest.mark.parametrize("content", [b"", b"no key\n", b"\xff\xfe", KEY.encode() + b"\nno key\n"])
def test_a_damaged_file_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="FRAUD_CARDS__KEY_FILE") as refusal:
        read_key_file(path, is_required=True)
    assert KEY not in str(refusal.value)


def test_the_keys_of_settings_reach_another_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # given settings with a key and a former one
    made = load_settings(home=tmp_path, cards={"key": OTHER_KEY, "previous_keys": KEY})
    assert made.card_keys is not None
    assert made.card_keys.lookups(VISA)[1] == KEYS.pseudonym(VISA)

    # when they are exported
    for name, value in environment_variables(made).items():
        monkeypatch.setenv(name, value)

    # then another process has the same keys
    assert load_settings().card_keys == made.card_keys


@pytest.mark.parametrize(
    ("cards", "variable"),
    [
        ({"key": KEY, "key_file": "keys"}, "exclude each other"),
        ({"previous_keys": KEY}, "needs cards.key"),
        ({"key": "secret"}, "a key of card numbers is"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    make_settings: SettingsFactory, cards: dict[str, str], variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=variable) as refusal:
        load_settings(cards=cards)
    assert KEY not in str(refusal.value)


def test_replacing_needs_a_key_and_exempt_fields_must_be_declared(make_settings: SettingsFactory) -> None:
    with pytest.raises(ConfigurationError, match="there is no key of pseudonyms"):
        _ = make_settings(cards={"admission": "replace"}).card_rule
    with pytest.raises(ConfigurationError, match="no field 'crad_id'"):
        _ = make_settings(cards={"exempt_fields": ("crad_id",)}).card_rule
