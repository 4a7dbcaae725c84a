"""Deciding many payments at once gives what the reference gives for each."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.decided import Decided
from fraud.decisions.deciding import PolicyDecider
from fraud.decisions.document import default_policy, parse_policy
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.list_index import ListIndex
from fraud.decisions.outcomes import APPROVE, CHALLENGE, DECLINE, OUTCOMES, REVIEW
from fraud.decisions.policy import Policy
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.reference import OneDecision, PaymentFacts, decide_one
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import SHIPPED, load_definitions, parse_definitions
from fraud.money.rates import DailyRates
from fraud.native.rules.outcomes import decide_all
from tests.fraud.decisions.payments import MINUTE, START, decision_inputs, payment_table, random_inputs
from tests.fraud.decisions.policies import policy_texts

DEFINITIONS = load_definitions()


def _in_euros() -> Definitions:
    text = SHIPPED.read_text().replace("fields:", "money: {base: EUR, rates: topic}\nfields:", 1)
    found = parse_definitions(text)
    assert found.money
    found.money.rates.replace(DailyRates("EUR", {}))
    return found


IN_EUR = _in_euros()
"""Without rates: only amounts in euros are known in the base."""

COUNT = 40


def decided_one_by_one(
    policy: Policy, inputs: DecisionInputs, index: ListIndex, definitions: Definitions = DEFINITIONS
) -> list[OneDecision]:
    heads = inputs.events.heads
    return [
        decide_one(
            definitions,
            policy,
            PaymentFacts(
                StoredPayment(definitions, inputs, index, number),
                int(heads["card"][number]),
                int(heads["transaction"][number]),
                int(heads["timestamp"][number]),
                float(inputs.model_threshold[number]),
            ),
        )
        for number in range(len(inputs))
    ]


def in_columns(decisions: list[OneDecision]) -> dict[str, list[Any]]:
    rows = [asdict(one) for one in decisions]
    renamed = {"outcomes": "outcome", "segments": "segment"}
    names = Decided.__dataclass_fields__
    return {name: [row[renamed.get(name, name)] for row in rows] for name in names}


def policy_of(body: str) -> Policy:
    return parse_policy(DEFINITIONS, f"version: 1\nname: test\n{body}")


def decide(policy: Policy, inputs: DecisionInputs, index: ListIndex | None = None) -> Decided:
    return PolicyDecider(DEFINITIONS, policy, ListIndex() if index is None else index).decide(inputs)


@given(text=policy_texts(), seed=st.integers(0, 1_000), entries=st.sets(st.sampled_from(["c1", "c2", "c3"])))
def test_all_at_once_is_as_one_by_one(text: str, seed: int, entries: set[str]) -> None:
    # given a policy, entries of its lists, some of them expiring, and payments
    policy = parse_policy(DEFINITIONS, text)
    index = ListIndex()
    index.put_all("blocked", [(one, None) for one in entries])
    index.put_all("trusted", [("m1", START + 20 * MINUTE), ("m2", None)])
    inputs = random_inputs(DEFINITIONS, COUNT, seed)
    # when they are decided at once, and each by the reference
    decided = decide(policy, inputs, index)
    expected = in_columns(decided_one_by_one(policy, inputs, index))
    # then all is the same
    assert {name: getattr(decided, name).tolist() for name in expected} == expected


@given(text=policy_texts(), seed=st.integers(0, 1_000))
def test_all_at_once_is_as_one_by_one_where_costs_are_unknown(text: str, seed: int) -> None:
    # given definitions with a base currency and no rates
    policy = parse_policy(IN_EUR, text)
    inputs = random_inputs(IN_EUR, COUNT, seed)
    # when payments are decided at once, and each by the reference
    decided = PolicyDecider(IN_EUR, policy, ListIndex()).decide(inputs)
    expected = in_columns(decided_one_by_one(policy, inputs, ListIndex(), IN_EUR))
    # then all is the same
    assert {name: getattr(decided, name).tolist() for name in expected} == expected


@pytest.mark.parametrize(
    ("bands", "outcomes"),
    [
        ("{on: probability, decline: 0.5}", {0.1: APPROVE, 0.7: DECLINE, 0.9: DECLINE}),
        ("{on: expected_cost, decline: 1}", {0.1: APPROVE, 0.7: APPROVE, 0.9: REVIEW}),
    ],
)
def test_an_unknown_cost_is_decided_by_the_probability(bands: str, outcomes: dict[float, int]) -> None:
    # given a segment with bands of the cost, payments in a currency without a rate, and a threshold of 0.8
    segment = "{name: large, when: amount >= 0, bands: {on: expected_cost, challenge: 0, decline: 1}}"
    policy = parse_policy(IN_EUR, f"version: 1\nname: test\nsegments: [{segment}]\nbands: {bands}")
    table = payment_table(3).drop_columns("currency").append_column("currency", [["USD"] * 3])
    inputs = decision_inputs(IN_EUR, table)
    inputs.probabilities[:], inputs.model_threshold[:] = list(outcomes), 0.8
    # when they are decided
    decided = PolicyDecider(IN_EUR, policy, ListIndex()).decide(inputs)
    # then by the default segment's bands of the probability, or the model's threshold
    assert decided.outcomes.tolist() == list(outcomes.values())
    assert decided.segments.tolist() == [0, 0, 0]


def test_the_default_policy_is_the_threshold() -> None:
    # given the default policy and no entries
    inputs = random_inputs(DEFINITIONS, 200)
    # when payments are decided
    decided = decide(default_policy(DEFINITIONS), inputs)
    # then the model's threshold separates reviewed from approved ones
    expected = np.where(inputs.probabilities >= inputs.model_threshold, REVIEW, APPROVE)
    assert decided.outcomes.tolist() == expected.tolist()
    assert decided.decided_by.tolist() == [-1] * 200
    assert PolicyDecider(DEFINITIONS, default_policy(DEFINITIONS), ListIndex()).by_model_alone


def test_an_entry_ends_the_fast_path() -> None:
    # given the default policy
    inputs, index = random_inputs(DEFINITIONS, 200), ListIndex()
    decider = PolicyDecider(DEFINITIONS, default_policy(DEFINITIONS), index)
    # when a card is blocked while it is in force
    index.put("blocked_cards", "c3")
    decided = decider.decide(inputs)
    # then that card's payments are declined by the list
    of_card = np.array([inputs.texts_of(number)["card_id"] == "c3" for number in range(200)])
    assert not decider.by_model_alone
    assert (decided.outcomes[of_card] == DECLINE).all()
    assert not (decided.outcomes[~of_card] == DECLINE).any()
    assert {decider.policy.lists[one].name for one in set(decided.decided_by[of_card].tolist())} == {
        "blocked_cards"
    }


LISTS = """
lists:
  watched: {field: card_id}
  blocked: {field: card_id, outcome: decline}
  trusted: {field: card_id, outcome: approve}
"""


def test_allow_lists_come_before_block_lists_and_these_before_rules() -> None:
    # given a card on all lists, one on two, and a rule for all payments
    policy = policy_of(f"{LISTS}rules: [{{name: all, when: amount >= 0, outcome: challenge}}]")
    index = ListIndex()
    for name, members in {"watched": "c1 c2 c3", "blocked": "c1 c2", "trusted": "c1"}.items():
        index.put_all(name, [(card, None) for card in members.split()])
    # when payments are decided
    inputs = random_inputs(DEFINITIONS, 300)
    decided = decide(policy, inputs, index)
    # then the allow list wins, then the block list, and a list without an outcome decides nothing
    cards = np.array([inputs.texts_of(number)["card_id"] for number in range(300)])
    by_card = {card: set(decided.outcomes[cards == card].tolist()) for card in ("c1", "c2", "c3", "c4")}
    assert by_card == {"c1": {APPROVE}, "c2": {DECLINE}, "c3": {CHALLENGE}, "c4": {CHALLENGE}}
    assert decided.fired.all()


def test_the_lowest_priority_decides_and_the_others_are_recorded() -> None:
    # given two rules that always fire, and one that is in shadow
    policy = policy_of(
        """
rules:
  - {name: second, when: amount >= 0, outcome: decline, priority: 20}
  - {name: first, when: amount >= 0, outcome: challenge, priority: 10}
  - {name: tried, when: amount >= 0, outcome: review, priority: 1, mode: shadow}
  - {name: old, when: amount >= 0, outcome: review, priority: 1, mode: off}
"""
    )
    # when payments are decided
    decided = decide(policy, random_inputs(DEFINITIONS, 10))
    # then the first live one decides
    assert [rule.name for rule in policy.rules] == ["tried", "old", "first", "second"]
    assert (decided.outcomes == CHALLENGE).all()
    assert decided.fired[0].tolist() == [False, False, True, True]
    assert decided.shadow_fired[0].tolist() == [True, False, False, False]


def test_a_rule_is_off_from_the_end_of_its_last_day_on() -> None:
    # given a rule whose last day is that of the first payments
    policy = policy_of("rules: [{name: old, when: amount >= 0, outcome: decline, expires: 2026-01-01}]")
    # when two days of payments, one a minute, are decided
    decided = decide(policy, random_inputs(DEFINITIONS, 2_880))
    # then it fires on the first day only
    assert decided.fired[:, 0].tolist() == [True] * 1_440 + [False] * 1_440


def test_a_share_of_cards_keeps_its_cards() -> None:
    # given a rule for half of the cards
    policy = policy_of("rules: [{name: half, when: amount >= 0, outcome: decline, share: 0.5}]")
    # when payments are decided
    inputs = random_inputs(DEFINITIONS, 400)
    decided = decide(policy, inputs)
    # then it is live for some cards and in shadow for all others
    cards = [inputs.texts_of(number)["card_id"] for number in range(400)]
    live = {card for card, fired in zip(cards, decided.fired[:, 0], strict=True) if fired}
    shadow = {card for card, fired in zip(cards, decided.shadow_fired[:, 0], strict=True) if fired}
    assert live
    assert shadow
    assert not live & shadow
    assert (decided.fired | decided.shadow_fired).all()


def test_a_rule_that_cannot_be_computed_does_not_fire() -> None:
    policy = policy_of("rules: [{name: ratio, when: amount / card_count_1h > 0, outcome: decline}]")
    inputs = random_inputs(DEFINITIONS, 300)
    # when the count by which it divides is 0 for some
    counts = inputs.rows[:, DEFINITIONS.feature_names.index("card_count_1h")]
    decided = decide(policy, inputs)
    # then it failed there, and nowhere else
    assert decided.failed[:, 0].tolist() == (counts == 0).tolist()
    assert not decided.fired[counts == 0, 0].any()


def test_the_control_group_is_approved_unless_a_list_decides() -> None:
    # given a policy that declines all and a control group of half of the cards, one of them blocked
    rule = "rules: [{name: all, when: amount >= 0, outcome: decline}]"
    policy = policy_of(f"{LISTS}{rule}\ncontrol_group: 0.5")
    inputs = random_inputs(DEFINITIONS, 400)
    cards = np.array([inputs.texts_of(number)["card_id"] for number in range(400)])
    in_control = cards[decide(policy, inputs).control]
    index = ListIndex()
    index.put("blocked", str(in_control[0]))
    # when payments are decided
    decided = decide(policy, inputs, index)
    # then control cards are approved, with what they would have been, and the blocked one is declined
    blocked = cards == in_control[0]
    assert (decided.outcomes[blocked] == DECLINE).all()
    assert not decided.control[blocked].any()
    assert decided.control.any()
    assert decided.control.tolist() == (decided.outcomes == APPROVE).tolist()
    assert (decided.would_be == DECLINE).all()


def test_samples_are_approved_payments() -> None:
    policy = policy_of("review: {sample: 0.3}")
    decided = decide(policy, random_inputs(DEFINITIONS, 1_000))
    approved = decided.outcomes == APPROVE
    assert not decided.sampled[~approved].any()
    assert 0.2 < decided.sampled[approved].mean() < 0.4


@pytest.mark.parametrize(
    ("bands", "probability", "threshold", "outcome"),
    [
        ("{challenge: 0.3, review: model, decline: 0.95}", 0.2, 0.6, "approve"),
        ("{challenge: 0.3, review: model, decline: 0.95}", 0.3, 0.6, "challenge"),
        ("{challenge: 0.3, review: model, decline: 0.95}", 0.6, 0.6, "review"),
        ("{challenge: 0.3, review: model, decline: 0.95}", 0.95, 0.6, "decline"),
        ("{challenge: 0.3, review: model, decline: 0.95}", 0.96, 0.96, "review"),
        ("{challenge: 0.3, review: model}", 0.4, 0.2, "challenge"),
        ("{challenge: 0.3, review: model}", 0.3, 0.3, "review"),
        ("{decline: 0}", 0.0, 0.5, "decline"),
        ("{}", 1.0, 0.5, "approve"),
    ],
)
def test_the_highest_bound_that_is_reached_counts(
    bands: str, probability: float, threshold: float, outcome: str
) -> None:
    inputs = random_inputs(DEFINITIONS, 1)
    inputs.probabilities[:], inputs.model_threshold[:] = probability, threshold
    decided = decide(policy_of(f"bands: {bands}"), inputs)
    assert OUTCOMES[decided.outcomes[0]] == outcome


def test_arrays_of_any_layout_are_compiled_once() -> None:
    # given policies with and without rules, lists and segments, and payments whose arrays are views
    inputs = random_inputs(DEFINITIONS, 20)
    rules = "rules: [{name: all, when: amount >= 0, outcome: decline}]"
    policies = [policy_of(one) for one in (f"{LISTS}{rules}", rules, "bands: {decline: 0.5}")]
    views = [
        DecisionInputs(
            inputs.events[chosen], inputs.rows[chosen], inputs.probabilities[chosen],
            inputs.model_threshold[chosen], inputs.texts_of,
        )
        for chosen in (slice(None), slice(0, 20, 2), slice(5, 6), slice(0, 0))
    ]  # fmt: skip
    views[0].probabilities.flags.writeable = False
    # when they are decided
    for policy in policies:
        outcomes = [decide(policy, one).outcomes for one in views]
        # then they are decided as otherwise
        assert outcomes[1].tolist() == outcomes[0][::2].tolist()
        assert outcomes[2].tolist() == outcomes[0][5:6].tolist()
        assert not len(outcomes[3])
    # and no further form was compiled
    assert len(decide_all.signatures) == 1


def test_bands_of_the_expected_cost() -> None:
    # given bands of the expected cost, and amounts as paid, as there is no base currency
    policy = policy_of("bands: {on: expected_cost, review: 20, decline: 500}")
    inputs = random_inputs(DEFINITIONS, 500)
    digits = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
    texts = [inputs.texts_of(number) for number in range(500)]
    paid = np.array([one["amount"] / 10 ** digits[str(one["currency"])] for one in texts])
    # when payments are decided
    decided = decide(policy, inputs)
    # then probability times amount decides
    costs = paid * inputs.probabilities
    expected = np.where(costs >= 500, DECLINE, np.where(costs >= 20, REVIEW, APPROVE))
    assert decided.outcomes.tolist() == expected.tolist()
