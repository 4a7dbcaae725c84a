"""Whatever is written to the log, by anybody: the state holds to its rules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fraud.decisions.log.events import (
    AliasMoved,
    PolicyApproved,
    PolicyEvent,
    PolicyProposed,
    PolicyRejected,
    WhatIfAttached,
    encode_event,
)
from fraud.decisions.log.fold import PolicyLog, fold_policies, same_person
from fraud.decisions.log.state import PolicyState, PolicyVersion
from tests.fraud.decisions.log.events import TEXT

people = st.sampled_from(["ann", "Ann", "bob", "cid"])
numbers = st.integers(1, 5)
times = st.integers(0, 10**12)
digests = st.text("0123456789abcdef", min_size=16, max_size=16)
proposals = st.builds(
    PolicyProposed,
    st.just(TEXT),
    digests,
    st.dictionaries(st.sampled_from(["one", "two"]), digests),
    st.integers(0, 2),
    people,
    times,
)
events = st.one_of(
    proposals,
    st.builds(PolicyApproved, numbers, people, times),
    st.builds(PolicyApproved, numbers, people, times),
    st.builds(PolicyRejected, numbers, people, times),
    st.builds(
        AliasMoved,
        st.sampled_from(["live", "shadow"]),
        st.none() | numbers,
        st.none() | numbers,
        people,
        times,
        is_rollback=st.booleans(),
    ),
    st.builds(WhatIfAttached, numbers, st.just("{}"), people, times),
)
anything = st.one_of(st.none(), st.binary(max_size=60), events.map(encode_event))


@st.composite
def logs(draw: st.DrawFn) -> list[bytes | None]:
    """Messages by people who mostly know the state, so that many versions go live."""
    log: list[bytes | None] = []
    reader = PolicyLog()
    for position in range(draw(st.integers(0, 16))):
        log.append(draw(st.one_of(anything, *[likely_events(reader.state()).map(encode_event)] * 4)))
        reader.apply(position, log[-1])
    return log


def likely_events(state: PolicyState) -> st.SearchStrategy[PolicyEvent]:
    if not state.versions:
        return proposals
    known = st.integers(1, len(state.versions))
    live, back = st.just("live"), st.sampled_from(state.live_stack)
    return st.one_of(
        proposals,
        st.builds(PolicyApproved, known, people, times),
        st.builds(PolicyRejected, known, people, times),
        st.builds(AliasMoved, live, known, st.just(state.live), people, times),
        st.builds(AliasMoved, st.just("shadow"), known, st.just(state.shadow), people, times),
        st.builds(
            AliasMoved, st.just("live"), back, st.just(state.live), people, times, is_rollback=st.just(True)
        ),
    )


def constant(version: PolicyVersion) -> tuple[object, ...]:
    return (version.version, version.text, version.digest, version.author, dict(version.rule_versions))


@settings(max_examples=50)
@given(logs())
def test_every_message_counts_or_is_refused_with_its_reason(log: list[bytes | None]) -> None:
    state = fold_policies(log)
    positions = sorted([line.position for line in state.audit] + [one.position for one in state.refused])
    assert positions == list(range(len(log)))
    assert all(one.reason for one in state.refused)
    assert state.position == len(log)


@settings(max_examples=50)
@given(logs())
def test_what_is_live_was_approved_by_enough_people_and_not_by_its_author(log: list[bytes | None]) -> None:
    state = fold_policies(log)
    for number in state.live_stack:
        if number is not None:
            require_approved(state.version(number))
    assert state.live == state.live_stack[-1]
    assert state.shadow is None or state.version(state.shadow).status != "rejected"


def require_approved(version: PolicyVersion) -> None:
    who = [one.by for one in version.approvals]
    assert version.status in ("approved", "rejected")
    assert len({name.casefold() for name in who}) == len(who) >= version.approvals_needed
    assert not any(same_person(name, version.author) for name in who)


@settings(max_examples=50)
@given(logs(), st.integers(0, 40))
def test_versions_never_change_and_a_prefix_is_what_a_reader_had_then(
    log: list[bytes | None], length: int
) -> None:
    # given a reader who looked after some messages, and went on
    reader = PolicyLog()
    for position, value in enumerate(log[:length]):
        reader.apply(position, value)
    early = reader.state()
    for position, value in enumerate(log[length:], len(log[:length])):
        reader.apply(position, value)
    # then it had what one who reads so far finds, and has what one who reads everything finds
    assert early == fold_policies(log[:length])
    assert reader.state() == fold_policies(log)
    assert_continues(early, reader.state())


def assert_continues(early: PolicyState, late: PolicyState) -> None:
    count = len(early.versions)
    assert list(map(constant, early.versions)) == list(map(constant, late.versions[:count]))
    assert late.audit[: len(early.audit)] == early.audit
    assert late.moves[: len(early.moves)] == early.moves
    assert late.refused[: len(early.refused)] == early.refused
