"""Which policy is in force for a state of the log."""

import pytest

from fraud.decisions.list_index import ListIndex
from fraud.decisions.log.events import PolicyApproved, PolicyRejected
from serving.decisions.prepared_policy import PolicyChooser
from serving.ops.metrics import Metrics
from tests.definitions import V1
from tests.serving.decisions.support import (
    BANDS,
    live_one_after_another,
    moved,
    named_policy,
    of_other_fields,
    proposed,
    state_of,
)


@pytest.fixture
def chooser() -> PolicyChooser:
    return PolicyChooser(V1, ListIndex(), Metrics())


def refused(chooser: PolicyChooser) -> float:
    ((_, count),) = chooser._metrics.samples("fraud_policies_refused_total")
    return count


def test_without_events_the_default_policy_is_in_force(chooser: PolicyChooser) -> None:
    found = chooser.choose(state_of())
    assert (found.live.version, found.live.name, found.shadow, found.refused) == (None, "default", None, {})


def test_what_the_aliases_name_is_in_force(chooser: PolicyChooser) -> None:
    # given two versions that went live, and one that is in shadow only
    events = live_one_after_another([named_policy("one"), named_policy("two")])
    state = state_of(*events, proposed(named_policy("three")), moved(3, None, "shadow"))
    # when
    found = chooser.choose(state)
    # then
    assert (found.live.policy.name, found.live.name) == ("two", "2")
    assert found.shadow is not None
    assert (found.shadow.policy.name, found.refused) == ("three", {})
    # and the next look prepares nothing again
    assert chooser.choose(state).live is found.live


def test_of_versions_that_do_not_fit_the_newest_before_them_stays(chooser: PolicyChooser) -> None:
    # given two versions of other definitions that went live upon one that fits
    events = live_one_after_another([named_policy("fits"), of_other_fields("a"), of_other_fields("b")])
    # when
    found = chooser.choose(state_of(*events))
    # then
    assert (found.live.name, found.refused, refused(chooser)) == ("1", {"live": 3}, 2)
    # and looking again refuses nothing again, and a worker that starts decides by the same
    assert chooser.choose(state_of(*events)).live is found.live
    assert refused(chooser) == 2
    assert PolicyChooser(V1, ListIndex(), Metrics()).choose(state_of(*events)).live.name == "1"


def test_a_rejected_version_does_not_come_back(chooser: PolicyChooser) -> None:
    # given a version that went live, gave way to one that does not fit, and was rejected
    events = live_one_after_another([named_policy("first"), named_policy("bad"), of_other_fields("a")])
    # when
    found = chooser.choose(state_of(*events, PolicyRejected(2, "bob", 5)))
    # then
    assert found.live.name == "1"


def test_a_shadow_policy_that_does_not_fit_is_none(chooser: PolicyChooser) -> None:
    found = chooser.choose(state_of(proposed(of_other_fields("a")), moved(1, None, "shadow")))
    assert (found.live.name, found.shadow, found.refused) == ("default", None, {"shadow": 1})


def test_a_rollback_to_none_is_the_default_policy(chooser: PolicyChooser) -> None:
    events = live_one_after_another([named_policy("one")])
    assert chooser.choose(state_of(*events, moved(None, 1, back=True))).live.version is None


def test_rules_are_named_with_the_version_that_changed_them_last(chooser: PolicyChooser) -> None:
    # given a rule that the second version has unchanged, beside a new one
    events = [*live_one_after_another([with_rules("a")]), proposed(with_rules("a", "b"), rules=("a", "b"))]
    # when that version goes live
    events[0] = proposed(with_rules("a"), rules=("a",))
    found = chooser.choose(state_of(*events, PolicyApproved(2, "bob", 2), moved(2, 1)))
    # then
    assert found.live.rule_names == ("a@1", "b@2")


def with_rules(*names: str) -> str:
    rules = [
        f"  - {{name: {name}, when: amount > 5, outcome: review, owner: o, reason: r}}\n" for name in names
    ]
    return named_policy("p", "rules:\n" + "".join(rules) + BANDS)
