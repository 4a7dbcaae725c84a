"""A proposal is tried on yesterday's payments, where they are known."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from fraud.decisions.document import parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.log import checking
from fraud.decisions.log.checking import OverrideNeededError, check_proposal
from fraud.decisions.whatif.run import with_hashed_categories
from fraud.errors import RefusedError
from fraud.features.events import encode_table
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.decisions.payments import payment_table, random_inputs

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


@pytest.mark.parametrize(
    "decides",
    [
        "rules: [{name: r, when: channel = 'online', outcome: decline}]",
        "lists: {bad: {field: channel, outcome: decline}}",
        "lists: {bad: {field: channel}}\nrules: [{name: r, when: in_list('bad'), outcome: decline}]",
    ],
)
def test_what_asks_categories_is_tried_on_stored_payments(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch, decides: str
) -> None:
    # given half of yesterday's payments online, as they are read from the lake
    definitions = local_settings.loaded_definitions
    payments, texts = payment_table(500), random_inputs(definitions, 500)
    events = encode_table(with_hashed_categories(definitions), payments)
    know_yesterday(monkeypatch, local_settings, replace(texts, events=events))
    lists = ListIndex()
    lists.put("bad", "online")
    monkeypatch.setattr(checking, "listed_entries", lambda _: lists)
    # when a policy that declines them is checked
    checked = check_proposal(local_settings, parse_policy(definitions, f"version: 1\nname: a\n{decides}\n"))
    # then its author must say why
    with pytest.raises(OverrideNeededError, match="it would decline 47"):
        checked.require_override("")


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
