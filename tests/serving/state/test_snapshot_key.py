"""The key of snapshots: made once, for its owner alone."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from serving.state.snapshot_key import snapshot_key


def _file(settings: Settings) -> Path:
    return settings.home / "serving" / "snapshot.key"


def test_the_key_is_made_once_and_only_its_owner_may_read_it(local_settings: Settings) -> None:
    key = snapshot_key(local_settings)
    assert len(key) == 32
    assert snapshot_key(local_settings) == key
    assert stat.S_IMODE(_file(local_settings).stat().st_mode) == 0o600
    assert [file.name for file in _file(local_settings).parent.iterdir()] == ["snapshot.key"]


def test_workers_that_are_given_a_key_make_none(local_settings: Settings) -> None:
    secret = SecretStr("one key for the workers of all machines")
    serving = local_settings.serving.model_copy(update={"snapshot_key": secret})
    key = snapshot_key(local_settings.model_copy(update={"serving": serving}))
    assert key == secret.get_secret_value().encode()
    assert not _file(local_settings).exists()


def test_a_key_that_others_may_read_is_refused(local_settings: Settings) -> None:
    snapshot_key(local_settings)
    _file(local_settings).chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read"):
        snapshot_key(local_settings)


def test_a_key_that_was_cut_off_is_refused(local_settings: Settings) -> None:
    snapshot_key(local_settings)
    _file(local_settings).write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        snapshot_key(local_settings)
