"""Policies proposed, approved and moved, with a real broker."""

import threading
from collections.abc import Callable

import pytest

from fraud.decisions.log.applying import apply_policy
from fraud.decisions.log.events import encode_event
from fraud.decisions.log.publishing import (
    PolicyProposal,
    RefusedChangeError,
    approve,
    attach_what_if,
    propose,
    reject,
    rollback,
    rule_digests,
    set_alias,
)
from fraud.decisions.log.reading import read_policies
from fraud.decisions.log.state import PolicyState
from fraud.decisions.policy import Policy, Rule
from fraud.errors import DataError
from fraud.kafka.sending import Record, send_records
from fraud.kafka.topics import TopicPlan, make_topics
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.decisions.log.events import approved
from tests.fraud.decisions.log.policies import some_policy

pytestmark = pytest.mark.broker

FIRST = PolicyProposal(some_policy("first"), "ann", "why")
SECOND = PolicyProposal(some_policy("second"), "ann")


def go_live(settings: Settings, proposal: PolicyProposal) -> PolicyState:
    version = propose(settings, proposal).version
    approve(settings, version, "bob")
    return set_alias(settings, "live", version, "ann")


def test_a_policy_goes_live_and_back(settings: Settings) -> None:
    # given two versions that went live
    assert go_live(settings, FIRST).live == 1
    assert go_live(settings, SECOND).live == 2
    # when
    back, further = rollback(settings, "cid", "too many declines"), rollback(settings, "cid")
    # then
    assert (back.live, further.live) == (1, None)
    assert read_policies(settings) == further
    assert further.versions[0].text == FIRST.policy.text
    with pytest.raises(RefusedChangeError, match="no policy was live before this one"):
        rollback(settings, "cid")


def test_a_prefix_of_the_topic_is_what_was_known_then(settings: Settings) -> None:
    early = go_live(settings, FIRST)
    go_live(settings, SECOND)
    assert read_policies(settings, until=early.position) == early
    with pytest.raises(DataError, match="ends at 6, so nothing is known of position 7"):
        read_policies(settings, until=7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: approve(one, 1, "Ann"), "Ann is the author of version 1; another must approve"),
        (lambda one: set_alias(one, "live", 1, "bob"), "version 1 is proposed, with 0 of 1 approvals"),
        (lambda one: set_alias(one, "shadow", 2, "bob"), "there is no version 2 yet"),
        (lambda one: propose(one, FIRST), "version 1 has the same content, and waits for approval"),
        (lambda one: approve(one, 1, "bob\n"), "is no name of a person"),
        (lambda one: attach_what_if(one, 3, "{}", "bob"), "there is no version 3 yet"),
    ],
)
def test_what_would_not_count_is_refused_and_not_written(
    settings: Settings, change: Callable[[Settings], object], reason: str
) -> None:
    propose(settings, FIRST)
    with pytest.raises(RefusedChangeError, match=reason):
        change(settings)
    assert read_policies(settings).position == 1


def test_the_live_policy_is_not_proposed_again(settings: Settings) -> None:
    go_live(settings, FIRST)
    with pytest.raises(RefusedChangeError, match="version 1 has the same content, and is live"):
        propose(settings, FIRST)


def test_of_many_who_move_live_at_once_one_does(settings: Settings) -> None:
    # given two approved versions
    for proposal in (FIRST, SECOND):
        approve(settings, propose(settings, proposal).version, "bob")
    refused: list[str] = []

    def move(version: int) -> None:
        try:
            set_alias(settings, "live", version, "ann")
        except RefusedChangeError as error:
            refused.append(str(error))

    # when both are made live at once
    threads = [threading.Thread(target=move, args=[version]) for version in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # then those who were refused know, and the log holds one chain of moves
    state = read_policies(settings)
    formers = [None, *[one.version for one in state.moves][:-1]]
    assert [one.former for one in state.moves] == formers
    assert len(state.moves) + len(refused) == 2
    assert len(state.refused) <= len(refused)


def test_a_shadow_needs_no_approval_and_a_what_if_stays_with_its_version(settings: Settings) -> None:
    propose(settings, FIRST)
    assert set_alias(settings, "shadow", 1, "ann").shadow == 1
    assert attach_what_if(settings, 1, '{"alerts": 3}', "ann").what_if == '{"alerts": 3}'
    assert reject(settings, 1, "ann", "withdrawn").status == "rejected"
    assert read_policies(settings).shadow is None


def test_messages_of_others_are_listed_and_do_no_harm(settings: Settings) -> None:
    send_records(settings, settings.topics.policies, [Record(None, b"nonsense"), Record(b"k", None)])
    send_records(settings, settings.topics.policies, [Record(None, encode_event(approved(1)))])
    assert propose(settings, FIRST).version == 1
    state = read_policies(settings)
    assert [one.position for one in state.refused] == [0, 1, 2]


def test_without_a_topic_there_is_no_policy(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    topics = settings.topics.model_copy(update={"policies": "nowhere"})
    assert read_policies(settings.model_copy(update={"topics": topics})) == PolicyState()
    assert "no policy is known: Kafka has no topic 'nowhere'; run `fraud topics create`" in caplog.text


def test_a_topic_of_several_partitions_is_not_read(make_settings: SettingsFactory, broker: str) -> None:
    settings = make_settings(kafka={"bootstrap_servers": broker})
    make_topics(settings, [TopicPlan(settings.topics.policies, partitions=2)])
    with pytest.raises(DataError, match="has 2 partitions, so its messages have no order"):
        read_policies(settings)


def changed(policy: Policy) -> Policy:
    return some_policy(policy.name, Rule("fast", "amount > 5", "decline"))


def test_a_policy_of_git_is_live_at_once_and_the_second_time_nothing_happens(settings: Settings) -> None:
    # when
    first, again = (apply_policy(settings, FIRST, ["bob"]) for _ in range(2))
    other = apply_policy(settings, PolicyProposal(changed(FIRST.policy), "ann"), ["bob"])
    reverted = apply_policy(settings, FIRST, ["bob"])
    # then
    assert (first.version.version, first.is_changed) == (1, True)
    assert (again.version.version, again.is_changed) == (1, False)
    assert (other.version.version, other.is_changed) == (2, True)
    assert (reverted.version.version, reverted.is_changed) == (1, True)
    state = read_policies(settings)
    assert (len(state.versions), state.live, state.position) == (2, 1, 7)


def test_too_few_approvals_change_nothing(settings: Settings) -> None:
    with pytest.raises(RefusedChangeError, match="ann is the author of version 1"):
        apply_policy(settings, FIRST, ["ann"])
    with pytest.raises(RefusedChangeError, match="with 0 of 1 approvals, so it cannot be live"):
        apply_policy(settings, FIRST, [])
    assert read_policies(settings).position == 0


def test_an_application_that_was_cut_off_is_completed(settings: Settings) -> None:
    propose(settings, FIRST)
    done = apply_policy(settings, FIRST, ["bob"])
    assert (done.version.version, done.is_changed) == (1, True)
    assert len(read_policies(settings).versions) == 1


def test_a_rule_is_another_one_when_anything_of_it_changes() -> None:
    one, other = Rule("fast", "amount > 5", "decline"), Rule("fast", "amount > 5", "decline", share=0.5)
    digests = [rule_digests(some_policy("p", rule))["fast"] for rule in (one, other, one)]
    assert digests[0] == digests[2] != digests[1]
