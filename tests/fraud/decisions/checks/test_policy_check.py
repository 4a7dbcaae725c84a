"""What is remarkable about a policy is found when it is proposed."""

from pathlib import Path
from time import process_time

import numpy as np
import pytest

from fraud.decisions.checks.finding import PolicyFinding
from fraud.decisions.checks.policy_check import check_policy, needs_override
from fraud.decisions.document import default_policy, parse_policy, read_policy
from fraud.decisions.list_index import ListIndex
from fraud.definitions.loading import load_definitions
from tests.fraud.decisions.payments import START, random_inputs

DEFINITIONS = load_definitions()
EXAMPLES = Path(__file__).parents[4] / "examples/policies"
YESTERDAY = random_inputs(DEFINITIONS, 1_000)
SIGNED = "reason: x, owner: jane"
HEAD = """version: 1
name: test
lists:
  trusted_cards: {field: card_id, outcome: approve}
  trusted_merchants: {field: merchant_id, outcome: approve}
  blocked_cards: {field: card_id, outcome: decline}
  blocked_merchants: {field: merchant_id, outcome: decline}
"""


def findings(body: str, *, with_traffic: bool = True, now: int = START) -> list[PolicyFinding]:
    policy = parse_policy(DEFINITIONS, HEAD + body)
    index = ListIndex()
    return check_policy(policy, DEFINITIONS, YESTERDAY if with_traffic else None, index, now)


def rules(*texts: str) -> str:
    return "\n".join(["most_declined: 1", "rules:", *(f"  - {{{text}, {SIGNED}}}" for text in texts)])


TRAFFIC = {
    rules("name: a, when: amount > 1e9, outcome: decline"): ("never_true", "rule a", "warning"),
    rules("name: a, when: amount + 1 > 0, outcome: decline"): ("always_true", "rule a", "override"),
    rules("name: a, when: amount > 500, outcome: review"): ("often_true", "rule a", "warning"),
    rules("name: a, when: amount / card_count_1h > 90000, outcome: review"): ("fails", "rule a", "warning"),
    rules(
        "name: a, when: amount > 1900, outcome: review",
        "name: b, when: amount > 1950, outcome: decline",
    ): ("hidden", "rule b", "warning"),
    rules(
        "name: a, when: amount > 1900, outcome: review",
        "name: b, when: amount > 1901, outcome: decline, priority: 5",
    ): ("overlap", "rule a", "warning"),
    "segments: [{name: a, when: amount > 1e9, bands: {decline: 0.5}}]": (
        "empty_segment", "segment a", "warning",
    ),
    "bands: {decline: 0.5}": ("declines", "policy", "override"),
    "review: {capacity: 5}": ("capacity", "policy", "warning"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), TRAFFIC.items(), ids=lambda value: str(value)[-40:])
def test_what_yesterdays_payments_show(body: str, expected: tuple[str, str, str]) -> None:
    found = {(one.kind, one.subject, one.level) for one in findings(body)}
    assert expected in found
    assert expected not in {(one.kind, one.subject, one.level) for one in findings(body, with_traffic=False)}


TEXT = {
    rules("name: a, when: amount >= 0, outcome: decline"): ("always_true", "rule a", "override"),
    rules("name: a, when: hour > 1 OR hour <= 1, outcome: decline"): ("always_true", "rule a", "override"),
    rules("name: a, when: amount > 5 AND amount < 3, outcome: decline"): ("never_true", "rule a", "warning"),
    "rules: [{name: a, when: amount > 5, outcome: decline}]": ("unexplained", "rule a", "warning"),
    rules("name: a, when: amount > 5, outcome: decline, expires: 2025-12-31"): (
        "expired",
        "rule a",
        "warning",
    ),
    "bands: {decline: 0}": ("every_payment", "segment default", "override"),
    "bands: {}": ("no_bands", "segment default", "warning"),
    "bands: {review: 0.9, decline: 0.5}": ("band_order", "segment default", "warning"),
    "control_group: 0.5": ("control", "policy", "override"),
}


@pytest.mark.parametrize(("body", "expected"), TEXT.items(), ids=lambda value: str(value)[-40:])
def test_what_the_text_shows(body: str, expected: tuple[str, str, str]) -> None:
    assert expected in {(one.kind, one.subject, one.level) for one in findings(body, with_traffic=False)}


def test_lists_that_do_nothing_are_found() -> None:
    policy = parse_policy(DEFINITIONS, "version: 1\nname: test\nlists: {watched: {field: country}}")
    found = {(one.kind, one.subject) for one in check_policy(policy, DEFINITIONS)}
    assert ("unused_list", "list watched") in found
    assert ("left_out_list", "list blocked_cards") in found


def test_a_rule_that_is_off_is_left_alone() -> None:
    assert not findings(rules("name: a, when: amount > 1e9, outcome: decline, mode: 'off'"))


def test_findings_that_need_an_override_come_first() -> None:
    found = findings(
        "bands: {review: 0.9, decline: 0.5}\nrules: [{name: a, when: amount > 5, outcome: decline}]"
    )
    levels = [one.level for one in found]
    assert needs_override(found)
    assert levels == sorted(levels)
    assert found[0].share == pytest.approx(np.mean(YESTERDAY.probabilities >= 0), abs=0.05)


def test_one_rule_is_not_reported_twice_for_the_same() -> None:
    found = findings(rules("name: a, when: amount >= 0, outcome: review"))
    assert [one.kind for one in found] == ["always_true"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_have_no_findings(path: Path) -> None:
    assert check_policy(read_policy(DEFINITIONS, path), DEFINITIONS, now=START) == []
    assert check_policy(default_policy(DEFINITIONS), DEFINITIONS, now=START) == []


def test_a_policy_of_long_rules_is_checked_quickly() -> None:
    # given long rules that compare four features with three constants each
    names = [one.name for one in DEFINITIONS.features][:4]
    atoms = [f"{name} > {bound}" for bound in range(3) for name in names]
    when = " OR ".join((atoms * 8)[:95])
    policy = parse_policy(
        DEFINITIONS,
        HEAD + rules(*(f"name: r{number}, when: {when}, outcome: review" for number in range(20))),
    )
    # when
    started = process_time()
    check_policy(policy, DEFINITIONS)
    # then it takes no ten seconds, and simple rules among many are still seen through
    assert process_time() - started < 8
    many = rules(*(f"name: r{n}, when: amount > {n} AND amount < 0, outcome: review" for n in range(256)))
    assert {one.kind for one in findings(many, with_traffic=False)} == {"never_true"}
