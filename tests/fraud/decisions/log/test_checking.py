"""A proposal is tried on yesterday's payments, where they are known."""

from types import SimpleNamespace
from typing import Any

import pytest

from fraud.decisions.document import parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.log import checking
from fraud.decisions.log.checking import OverrideNeededError, check_proposal
from fraud.errors import RefusedError
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.decisions.payments import random_inputs

TEXT = "version: 1\nname: strict\nbands: {on: probability, decline: 0.5}\n"


def know_yesterday(monkeypatch: pytest.MonkeyPatch, settings: Settings, found: Any) -> None:
    """Let yesterday's payments be these, or reading them raise this."""

    def load(*_: Any) -> Any:
        if isinstance(found, Exception):
            raise found
        return SimpleNamespace(inputs=found)

    monkeypatch.setattr(checking, "load_inputs", load)
    monkeypatch.setattr(checking, "listed_entries", lambda _: ListIndex())


def test_a_policy_that_declines_too_much_needs_a_reason(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a policy that declines half of yesterday's payments
    definitions = local_settings.loaded_definitions
    know_yesterday(monkeypatch, local_settings, random_inputs(definitions, 500))
    # when
    checked = check_proposal(local_settings, parse_policy(definitions, TEXT))
    # then
    assert checked.unchecked == ""
    with pytest.raises(OverrideNeededError, match=r"policy: .* say why: --override-declines REASON"):
        checked.require_override("  ")
    checked.require_override("an attack")


def test_where_yesterday_is_not_known_only_the_text_is_checked(make_settings: SettingsFactory) -> None:
    away = make_settings(kafka={"bootstrap_servers": "127.0.0.1:1", "request_timeout_s": 0.5})
    checked = check_proposal(away, parse_policy(away.loaded_definitions, TEXT))
    assert "Kafka at 127.0.0.1:1" in checked.unchecked
    checked.require_override("")


def test_a_missing_permission_is_not_taken_for_a_missing_yesterday(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_yesterday(monkeypatch, local_settings, RefusedError("no"))
    with pytest.raises(RefusedError):
        check_proposal(local_settings, parse_policy(local_settings.loaded_definitions, TEXT))
