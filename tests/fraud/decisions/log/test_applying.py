"""A policy of git is applied while others write, without a broker."""

import pytest

from fraud.decisions.log import applying
from fraud.decisions.log.applying import apply_policy
from fraud.decisions.log.events import PolicyEvent, PolicyProposed, encode_event
from fraud.decisions.log.fold import PolicyLog, fold_policies
from fraud.decisions.log.publishing import PolicyProposal, RefusedChangeError
from fraud.decisions.log.state import PolicyState
from fraud.settings import Settings
from tests.fraud.decisions.log.events import proposed
from tests.fraud.decisions.log.policies import some_policy


class Topic:
    """The topic of policies; somebody else proposes a policy right before the first proposal is written."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.is_raced = False

    def read(self, _: Settings) -> PolicyLog:
        log = PolicyLog()
        for position, value in enumerate(self.values):
            log.apply(position, value)
        return log

    def write(self, _: Settings, event: PolicyEvent) -> PolicyState:
        if isinstance(event, PolicyProposed) and not self.is_raced:
            self.is_raced = True
            self.values.append(encode_event(proposed("mallory")))
        self.values.append(encode_event(event))
        return fold_policies(self.values)


def test_approvals_do_not_go_to_what_somebody_else_proposed_meanwhile(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given somebody who proposes another policy between reading and writing
    topic = Topic()
    monkeypatch.setattr(applying, "read_policy_log", topic.read)
    monkeypatch.setattr(applying, "write_event", topic.write)
    wanted = PolicyProposal(some_policy("wanted"), "ann")
    # when
    with pytest.raises(RefusedChangeError, match="somebody else proposed version 1 meanwhile"):
        apply_policy(local_settings, wanted, ["bob"])
    # then nobody's name approves the other one, and the next run completes the wanted one
    state = fold_policies(topic.values)
    assert (state.live, [one.approvals for one in state.versions]) == (None, [(), ()])
    done = apply_policy(local_settings, wanted, ["bob"])
    assert (done.version.version, done.version.text) == (2, wanted.policy.text)


def test_more_reviewers_than_can_be_needed_are_no_mistake(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic()
    topic.is_raced = True
    monkeypatch.setattr(applying, "read_policy_log", topic.read)
    monkeypatch.setattr(applying, "write_event", topic.write)
    reviewers = [f"person {number}" for number in range(20)]
    done = apply_policy(local_settings, PolicyProposal(some_policy("wanted"), "ann"), reviewers)
    assert len(done.version.approvals) == 9
