"""What each rule, list and band decides, and what it alone catches, against a loop over the payments."""

from dataclasses import replace

import numpy as np

from fraud.decisions.outcomes import OUTCOMES
from fraud.decisions.whatif.comparison import overlap_of_rules
from fraud.decisions.whatif.parts import DecidedAgain, PolicyPart, bands_alone, parts_of
from tests.fraud.decisions.whatif.histories import band_outcomes, decided, policy

COUNT = 3_000


def again() -> DecidedAgain:
    return DecidedAgain(policy(), decided(COUNT), band_outcomes(COUNT))


def named(name: str) -> PolicyPart:
    return next(part for part in parts_of(again()) if part.name == name)


def outcome_without(row: int, source: int) -> str:
    """The outcome of a payment if a list or rule were not there."""
    made = again()
    applies = [*made.decided.list_hits[row], *made.decided.fired[row]]
    outcomes = [one.outcome for one in made.policy.lists] + [one.outcome for one in made.policy.rules]
    for number, (hit, outcome) in enumerate(zip(applies, outcomes, strict=True)):
        if hit and number != source:
            return str(outcome)
    return str(OUTCOMES[made.by_bands[row]])


def test_every_payment_is_decided_by_one_part_or_approved() -> None:
    # given all parts that decide
    parts = [part for part in parts_of(again()) if part.kind != "shadow rule"]
    # when they are counted for each payment
    counts = np.sum([part.decisions.chosen for part in parts], axis=0)
    # then each payment has one, except those that the bands approve
    approved = (again().decided.decided_by == -1) & (again().decided.would_be == 0)
    assert np.array_equal(counts, (~approved).astype(int))


def test_what_a_rule_alone_stops_is_what_would_pass_without_it() -> None:
    # given a rule behind two lists
    rule = named("first")
    # when each payment is decided without it
    rows = np.flatnonzero(again().decided.decided_by == 2).tolist()
    expected = [row for row in rows if outcome_without(row, 2) == "approve"]
    # then those are its own that would be approved
    assert np.flatnonzero(rule.alone).tolist() == expected
    assert 0 < len(expected) < len(rows)


def test_what_an_allow_list_alone_lets_pass_is_what_would_be_stopped_without_it() -> None:
    trusted = named("trusted")
    rows = np.flatnonzero(again().decided.decided_by == 0).tolist()
    expected = [row for row in rows if outcome_without(row, 0) != "approve"]
    assert np.flatnonzero(trusted.alone).tolist() == expected
    assert 0 < len(expected) < len(rows)


def test_a_rule_in_shadow_has_what_it_would_decide() -> None:
    # given a rule in shadow behind all others
    rule = named("third")
    # then it would decide where nothing else but the bands does
    decisions = again().decided
    expected = decisions.shadow_fired[:, 2] & (decisions.decided_by == -1)
    assert rule.kind == "shadow rule"
    assert np.array_equal(rule.decisions.chosen, expected)
    assert np.array_equal(rule.fired, decisions.shadow_fired[:, 2])


def test_a_band_has_the_payments_from_its_bound_to_the_next() -> None:
    decline = named("default: decline")
    decisions = again().decided
    assert np.array_equal(decline.decisions.chosen, (decisions.decided_by == -1) & (decisions.would_be == 3))
    assert decline.alone.sum() == decline.decisions.chosen.sum()


def test_overlap_counts_payments_on_which_two_rules_fire() -> None:
    overlap = overlap_of_rules(list(parts_of(again())))
    fired = again().decided.fired | again().decided.shadow_fired
    assert overlap.rules == ("first", "second", "third")
    for row in range(3):
        for column in range(3):
            assert overlap.counts[row][column] == int((fired[:, row] & fired[:, column]).sum())


def test_bands_alone_have_neither_rules_nor_lists_that_decide() -> None:
    alone = bands_alone(policy())
    assert not alone.rules
    assert all(one.outcome is None for one in alone.lists)
    assert alone.segments == policy().segments


def test_a_rule_in_shadow_would_decide_before_later_rules() -> None:
    # given the rule in shadow in front of the others
    made = again()
    rules, decisions, order = made.policy.rules, made.decided, [2, 0, 1]
    moved = replace(
        decisions,
        fired=decisions.fired[:, order],
        shadow_fired=decisions.shadow_fired[:, order],
        decided_by=decisions.decided_by + (decisions.decided_by >= 2),
    )
    policy_of = replace(made.policy, rules=tuple(rules[number] for number in order))
    rule = next(one for one in parts_of(DecidedAgain(policy_of, moved, made.by_bands)) if one.name == "third")
    # then it would decide wherever no list does
    by_list = (moved.decided_by == 0) | (moved.decided_by == 1)
    assert np.array_equal(rule.decisions.chosen, decisions.shadow_fired[:, 2] & ~by_list)
    # and without it the later ones do
    assert np.array_equal(rule.without, decisions.would_be[rule.decisions.chosen])
