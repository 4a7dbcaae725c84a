"""The whole path: predictions on Kafka, payments and labels in the lake, a policy that is tried."""

import time

import pyarrow as pa
import pytest

from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.publishing import publish_entries
from fraud.decisions.whatif.current import listed_entries, live_policy
from fraud.decisions.whatif.logged import LoggedDecision, LoggedDecisions
from fraud.decisions.whatif.payments import ScoredPayments
from fraud.decisions.whatif.result import PartFigures, WhatIfResult
from fraud.decisions.whatif.run import _digits, decision_inputs, named_values, what_if, with_hashed_categories
from fraud.decisions.whatif.stored_features import no_features
from fraud.definitions.features import DAY_MS
from fraud.features.events import code_of
from fraud.settings import Settings
from tests.definitions import V1
from tests.fraud.decisions.whatif.planted import (
    COUNT,
    PLANTED,
    POLICY,
    fill,
    is_fraud,
    score_of,
    scored_payments,
)
from tests.fraud.streams import START_MS, transaction

NOW_MS = int(time.time() * 1_000) + DAY_MS


@pytest.fixture
def filled(settings: Settings) -> Settings:
    fill(settings)
    return settings


def tried(settings: Settings, text: str = POLICY, lists: ListIndex | None = None) -> WhatIfResult:
    policy = parse_policy(V1, text)
    live = default_policy(V1)
    return what_if(settings, policy, live, lists or ListIndex(), days=30, now_ms=NOW_MS)


def named(result: WhatIfResult, name: str) -> PartFigures:
    return next(part for part in result.parts if part.name == name)


@pytest.mark.broker
def test_a_planted_fraud_rule_catches_all_fraud_and_nothing_else(filled: Settings) -> None:
    # given frauds that one rule describes, and scores that know nothing of them
    wires = scored_payments()
    result = tried(filled)
    # when a policy with that rule is tried
    rule, whole = named(result, "planted"), result.policies[0].figures
    # then it has every fraud whose label is known, and no other payment
    assert rule.figures.precision.value == rule.figures.recall.value == whole.recall.value == 1
    assert rule.fired * result.days == pytest.approx(sum(map(is_fraud, wires)))
    assert rule.figures.frauds == result.frauds > 10
    assert whole.lost.value == 0
    assert whole.saved.value == pytest.approx(result.fraud_money)
    # and it alone catches what the bands would approve, where no other rule fires
    only = named(tried(filled, POLICY.replace("> 13", "> 1000")), "planted")
    approved = [one for one in wires if is_fraud(one) and score_of(int(one["transaction_id"][1:])) < 0.9]
    assert only.alone * result.days == pytest.approx(len(approved))
    assert 0 < rule.alone < only.alone
    # and the default policy, which is the model alone, catches what chance gives it
    _, live, model, logged = result.policies
    assert live.figures == model.figures == logged.figures
    assert live.figures.recall.value < 0.3
    assert live.difference is not None
    assert live.difference.saved.low > 0


@pytest.mark.broker
def test_the_result_says_what_it_lacks(filled: Settings) -> None:
    result = tried(filled)
    assert result.payments == COUNT - 20
    assert result.left_out.not_scored == 20
    assert result.left_out.not_matured == result.payments - result.known > 0
    assert result.left_out.computed_features == COUNT - 20
    assert named(result, "broken").failed == result.payments
    assert named(result, "many").fired > 0
    assert named(result, "high").kind == "shadow rule"
    assert {one.reviews > 10 for one in result.days_over_capacity} == {True}
    assert result.currency == "EUR"
    assert (result.policy, result.live) == ("tried", "default")


@pytest.mark.broker
def test_entries_of_lists_count(filled: Settings) -> None:
    # given an entry that trusts a merchant, and a later one
    first = publish_entries(filled, [ListEntry("trusted_merchants", "merchant-1", "jane", 1)])
    publish_entries(filled, [ListEntry("trusted_merchants", "merchant-2", "jane", 1)])
    # when the policy is tried with the lists of now, and of before the later one
    now = tried(filled, lists=listed_entries(filled))
    before = tried(filled, lists=listed_entries(filled, first.position))
    # then they have those entries
    trusted = [
        sum(one["merchant_id"] == f"merchant-{number}" for one in scored_payments()) for number in (1, 2)
    ]
    assert named(now, "trusted_merchants").fired * now.days == pytest.approx(sum(trusted))
    assert named(before, "trusted_merchants").fired * now.days == pytest.approx(trusted[0])
    assert named(now, "trusted_merchants").figures.lost.value > 0


@pytest.mark.broker
def test_without_a_live_policy_the_default_one_is_compared(settings: Settings) -> None:
    assert live_policy(settings) == default_policy(V1)


def test_only_what_policies_read_is_read() -> None:
    named = named_values(V1, [parse_policy(V1, POLICY), default_policy(V1)])
    assert named.features == ("card_count_24h",)
    assert set(named.fields) == {"merchant_category", "merchant_id", "card_id"}


def test_a_category_is_its_text_and_not_its_code() -> None:
    # given two categories with one code
    name, other = two_of_one_code()
    # when stored payments of both are decided by a rule for one of them
    wires = [transaction(number, START_MS, merchant_category=one) for number, one in enumerate((name, other))]
    table = pa.table(
        {
            field: [one[field] for one in wires]
            for field in ("transaction_id", "card_id", "merchant_id", "currency", "merchant_category")
        }
        | {"amount": [100, 100], "timestamp": [START_MS, START_MS]}
    )
    logged = LoggedDecisions.of(
        [
            LoggedDecision(one["transaction_id"], one["card_id"], START_MS, 0.1, 0.5, "approve")
            for one in wires
        ]
    )
    inputs = decision_inputs(V1, ScoredPayments(table, logged, 0, 0), no_features(V1, 2))
    policy = parse_policy(V1, POLICY.replace(PLANTED, f"merchant_category = '{name}'"))
    decided = PolicyDecider(with_hashed_categories(V1), policy, ListIndex()).decide(inputs)
    # then it fires for that one alone
    assert decided.fired[:, 0].tolist() == [True, False]


def two_of_one_code() -> tuple[str, str]:
    """Two texts that have the same code as categories."""
    texts: dict[int, str] = {}
    for number in range(100_000):
        text = f"category-{number}"
        found = texts.setdefault(code_of(text), text)
        if found != text:
            return found, text
    raise AssertionError("there are only 65,535 codes")


def test_amounts_of_each_currency_have_its_decimals() -> None:
    assert _digits(V1, pa.array(["EUR", "JPY", "KWD", "JPY"])).tolist() == [2, 0, 3, 0]
