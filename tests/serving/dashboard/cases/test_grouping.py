"""Alerts of one card with short pauses between them are one case, in whatever order they arrive."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.dashboard.cases.grouping import AlertCase, CaseAlert, CasePoint, group_alerts

GAP = 100


def alert(card: str, timestamp: int, number: int, **fields: Any) -> CaseAlert:
    defaults: dict[str, Any] = {
        "seq": number, "scored_at": timestamp, "currency": "EUR", "score": 0.9, "at_risk": number / 10,
        "paid_at_risk": float(number), "is_open": True,
    }  # fmt: skip
    return CaseAlert(card, timestamp, f"t{number}", **(defaults | fields))


@st.composite
def stored_alerts(draw: st.DrawFn) -> list[CaseAlert]:
    """Alerts of few cards at near and far times, numbered without regard to time."""
    moments = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2_000)), max_size=40))
    return [
        alert(card, timestamp, number, is_open=draw(st.booleans()))
        for number, (card, timestamp) in enumerate(moments)
    ]


def members(cases: list[AlertCase]) -> set[tuple[str, ...]]:
    return {tuple(one.transaction_id for one in case.alerts) for case in cases}


@settings(deadline=None)
@given(alerts=stored_alerts(), data=st.data())
def test_the_order_of_arrival_does_not_matter(alerts: list[CaseAlert], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(alerts))
    cases = group_alerts(alerts, [], GAP)
    assert cases == group_alerts(shuffled, [], GAP)
    assert [case.at_risk for case in cases] == [case.at_risk for case in group_alerts(shuffled, [], GAP)]


@settings(deadline=None)
@given(alerts=stored_alerts())
def test_each_alert_is_in_one_case_and_pauses_part_them(alerts: list[CaseAlert]) -> None:
    # when alerts are grouped
    cases = group_alerts(alerts, [], GAP)
    # then each is in one case, of its card
    assert sorted(one for case in cases for one in case.alerts) == sorted(alerts)
    assert all(one.card_ref == case.card_ref for case in cases for one in case.alerts)
    # and there are short pauses within a case, a long one between a card's cases
    for case in cases:
        assert all(after.timestamp - before.timestamp <= GAP for before, after in pairwise(case.alerts))
        assert (case.first, case.last) == (case.alerts[0].timestamp, case.alerts[-1].timestamp)
    for before, after in pairwise(cases):
        assert before.card_ref < after.card_ref or after.first - before.last > GAP


@settings(deadline=None)
@given(alerts=stored_alerts(), chosen=st.sets(st.integers(0, 39)))
def test_actions_hold_a_case_together_when_its_alerts_are_removed(
    alerts: list[CaseAlert], chosen: set[int]
) -> None:
    # given an action at some of the alerts, and that these alerts were removed
    points = [CasePoint(one.card_ref, one.timestamp) for one in alerts if one.seq in chosen]
    before = members(group_alerts(alerts, points, GAP))
    kept = [one for one in alerts if one.seq not in chosen]
    # then the actions change no case, and the rest of each is still one case
    assert before == members(group_alerts(alerts, [], GAP))
    removed = {f"t{number}" for number in chosen}
    rest = {tuple(name for name in case if name not in removed) for case in before} - {()}
    assert members(group_alerts(kept, points, GAP)) == rest


def test_a_late_alert_joins_two_cases() -> None:
    # given two alerts with a long pause between them
    first, last = alert("a", 0, 1), alert("a", 180, 2)
    assert members(group_alerts([first, last], [], GAP)) == {("t1",), ("t2",)}
    # when one of the time between arrives
    (case,) = group_alerts([first, last, alert("a", 90, 3)], [], GAP)
    # then all are one case, which actions on either of the two are about
    assert [one.transaction_id for one in case.alerts] == ["t1", "t3", "t2"]
    assert case.covers(CasePoint("a", 0))
    assert case.covers(CasePoint("a", 180))
    assert not case.covers(CasePoint("b", 90))


def test_only_open_alerts_are_at_risk() -> None:
    (case,) = group_alerts([alert("a", 0, 9, is_open=False), alert("a", 1, 2), alert("a", 2, 3)], [], GAP)
    assert case.at_risk == 0.5
    assert case.main_alert.transaction_id == "t3"
