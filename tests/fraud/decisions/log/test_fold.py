"""What counts in the log of policies, and what does not."""

import pytest

from fraud.decisions.log.events import PolicyEvent, encode_event
from fraud.decisions.log.fold import PolicyLog, fold_policies, same_person
from fraud.errors import ConfigurationError
from tests.fraud.decisions.log.events import (
    approved,
    folded,
    in_shadow,
    moved,
    proposed,
    reasons,
    rejected,
)

LIVE = (proposed(), approved(1), moved(1))


def test_an_empty_log_is_the_default_policy() -> None:
    state = folded()
    assert state.live_version is None
    assert state.position == 0
    with pytest.raises(ConfigurationError, match="no version 1 of the policy; none is proposed yet"):
        state.version(1)


def test_a_version_goes_live_when_another_person_approved_it() -> None:
    state = folded(*LIVE)
    assert state.live == 1
    assert state.version(1).status == "approved"
    assert [line.text for line in state.audit] == [
        "proposed version 1",
        "approved version 1 (1 of 1)",
        "moved live from the default policy to version 1",
    ]
    assert state.position == 3


@pytest.mark.parametrize("author", ["ann", "Ann", "ANN"])
def test_the_authors_own_approval_does_not_count(author: str) -> None:
    state = folded(proposed(author), approved(1, "ann"), moved(1))
    assert state.live is None
    assert reasons(state) == [
        "ann is the author of version 1; another must approve",
        "version 1 is proposed, with 0 of 1 approvals, so it cannot be live",
    ]


def test_nobody_counts_twice() -> None:
    state = folded(proposed(approvals=2), approved(1), approved(1, "Bob"))
    assert state.version(1).status == "proposed"
    assert reasons(state) == ["Bob has approved version 1 already"]
    assert folded(proposed(approvals=2), approved(1), approved(1, "cid")).version(1).status == "approved"


def test_a_version_keeps_as_many_approvals_as_any_can_need() -> None:
    # given more people than a proposal can ask for, as each is compared with all before
    state = folded(proposed(approvals=9), *(approved(1, f"person {number}") for number in range(12)))
    # then
    assert (len(state.versions[0].approvals), state.versions[0].status) == (9, "approved")
    assert reasons(state) == ["version 1 has 9 approvals, and needs no more"] * 3


def test_one_person_alone_may_work_without_approvals() -> None:
    assert folded(proposed(approvals=0), moved(1)).live == 1


def test_fewer_approvals_are_enough_only_when_that_was_approved() -> None:
    # given a live version that needs one approval, and a proposal that says none
    state = folded(*LIVE, proposed(approvals=0), moved(2, 1))
    assert state.live == 1
    # when that proposal is approved and live
    lowered = (*LIVE, proposed(approvals=0), approved(2), moved(2, 1))
    # then the next one needs none, also if the first version is put back in between
    assert folded(*lowered, proposed(approvals=0), moved(3, 2)).live == 3
    assert folded(*lowered, moved(1, 2, is_rollback=True), proposed(approvals=0), moved(3, 1)).live == 3


def test_a_version_of_looser_times_needs_the_approvals_of_now() -> None:
    early = (proposed(approvals=0), proposed(), approved(2), moved(2))
    assert folded(*early, moved(1, 2)).live == 2
    assert folded(*early, approved(1), moved(1, 2)).live == 1


def test_an_older_proposal_is_superseded_by_a_version_that_goes_live() -> None:
    state = folded(proposed(), proposed(), approved(2), moved(2), approved(1))
    assert state.version(1).status == "superseded"
    assert reasons(state) == ["version 1 is superseded by a newer one that went live; propose it again"]


def test_a_rejected_version_stays_rejected() -> None:
    state = folded(proposed(), rejected(1), approved(1), moved(1), rejected(1))
    assert state.version(1).status == "rejected"
    assert state.live is None
    assert [reason.split(" is ")[1] for reason in reasons(state)] == [
        "rejected; propose it again",
        "rejected",
        "rejected already",
    ]


def test_the_live_version_cannot_be_rejected() -> None:
    state = folded(*LIVE, rejected(1))
    assert state.live == 1
    assert reasons(state) == ["version 1 is live; make another one live first"]


def test_shadow_takes_what_nobody_approved_and_loses_what_is_rejected() -> None:
    assert folded(proposed(), in_shadow(1)).shadow == 1
    state = folded(proposed(), in_shadow(1), rejected(1))
    assert state.shadow is None
    assert [(one.version, one.former) for one in state.moves] == [(1, None), (None, 1)]


def test_of_two_who_move_an_alias_at_once_the_second_is_refused() -> None:
    two = (proposed(), approved(1), proposed(), approved(2))
    state = folded(*two, moved(1), moved(2))
    assert state.live == 1
    assert reasons(state) == ["live names version 1 and no longer the default policy; look again"]


def test_rollbacks_go_further_back_each_time() -> None:
    # given three versions that were live, and that the first was made live again
    events: list[PolicyEvent] = [
        *LIVE,
        proposed(),
        approved(2),
        moved(2, 1),
        proposed(),
        approved(3),
        moved(3, 2),
    ]
    back = [moved(2, 3, is_rollback=True), moved(1, 2, is_rollback=True), moved(None, 1, is_rollback=True)]
    assert folded(*events).live_stack == (None, 1, 2, 3)
    assert folded(*events, *back[:2]).live_stack == (None, 1)
    assert folded(*events, *back).live is None
    # then a return to it by name is a step that can itself be rolled back
    again = folded(*events, moved(1, 3), moved(3, 1, is_rollback=True))
    assert again.live_stack == (None, 1, 2, 3)


def test_a_rollback_to_what_was_never_live_is_refused() -> None:
    state = folded(*LIVE, proposed(), approved(2), moved(2, 1, is_rollback=True))
    assert state.live == 1
    assert reasons(state) == ["version 2 was not live before; there is no way back to it"]


def test_a_rule_has_the_version_that_changed_it_last() -> None:
    state = folded(
        proposed(rules={"fast": "a", "slow": "b"}),
        proposed(rules={"fast": "c", "slow": "b"}),
        proposed(rules={"fast": "a", "new": "a"}),
    )
    assert [dict(one.rule_versions) for one in state.versions] == [
        {"fast": 1, "slow": 1},
        {"fast": 2, "slow": 1},
        {"fast": 1, "new": 3},
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message is empty"),
        (b"\xff", "not UTF-8"),
        (b"{}", "missing required field `event`"),
        (b'{"event": "burnt"}', "Invalid enum value"),
        (b'{"event": "approved", "version": 0, "by": "bob", "at": 1}', ">= 1"),
        (b'{"event": "approved", "version": 9, "by": "bob", "at": 1}', "there is no version 9 yet"),
        (b'{"event": "approved", "version": 1, "by": " bob", "at": 1}', "is no name of a person"),
        (b'{"event": "approved", "version": 1, "by": "cid", "by": "ann", "at": 1}', "more than once"),
    ],
)
def test_what_is_no_event_is_kept_out_with_a_reason(value: bytes | None, reason: str) -> None:
    state = fold_policies([b'{"event": "proposed"}', value])
    assert state.versions == ()
    assert [one.position for one in state.refused] == [0, 1]
    assert reason in state.refused[1].reason


def test_a_log_whose_beginning_is_gone_is_not_numbered_otherwise() -> None:
    # given the end of a log, whose first proposal was deleted
    log = PolicyLog()
    events: list[PolicyEvent] = [proposed(), approved(2), moved(2, 1)]
    for position, event in enumerate(events, 3):
        log.apply(position, encode_event(event))
    # then nothing of it counts
    assert log.state().versions == ()
    assert {one.reason for one in log.state().refused} == {
        "the events before offset 3 are gone, so that versions cannot be numbered"
    }


def test_names_are_compared_as_people_read_them() -> None:
    assert same_person("Jos\u00e9", "jose\u0301")
    assert same_person("STRASSE", "stra\u00dfe")
    assert not same_person("ann", "anne")
