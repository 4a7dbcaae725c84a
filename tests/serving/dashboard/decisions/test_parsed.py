"""The reasons of the version that a prediction names."""

import pytest

from fraud.decisions.log.state import PolicyState
from fraud.settings import Settings
from serving.dashboard.decisions.parsed import PolicyParser


@pytest.mark.parametrize("version", ["²", "9" * 5_000, "0", "7", "x"])
def test_of_an_unknown_version_there_are_no_reasons(local_settings: Settings, version: str) -> None:
    assert PolicyParser(local_settings.loaded_definitions).reasons(PolicyState(), version) == {}
