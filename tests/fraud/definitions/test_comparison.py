"""What a change of definitions means."""

import pytest

from fraud.definitions.comparison import compare
from fraud.definitions.loading import parse_definitions
from tests.definitions import EXTENDED, EXTENDED_ONLY, V1
from tests.fraud.definitions.files import with_features, with_fields

COUNT = "{name: a, aggregate: count, window: 1h}"
CHANGES = {
    "{name: a, aggregate: count, window: 2h}": ("changed", "window 1h → 2h"),
    "{name: a, aggregate: count, window: 1h, where: {amount: {at_most: 2.5}}}": (
        "changed",
        "where no filter → amount ≤ 2.50",
    ),
    "{name: b, aggregate: count, window: 1h}": ("renamed", "it was a"),
    "{name: a, aggregate: count, window: 1h, text: how often}": (
        "reworded",
        "payments in 1 hour → how often",
    ),
}


def test_nothing_differs_from_itself() -> None:
    found = compare(V1, V1)

    assert found.is_empty
    assert (found.models, found.state) == ("nothing changes", "snapshots fit; nothing is rebuilt")


def test_added_fields_and_features_leave_models_in_use() -> None:
    # when three fields and six features come to the shipped ones
    found = compare(V1, EXTENDED)
    # then they are listed, and models go on, while state and rows are computed for the new definitions
    assert [(one.name, one.change) for one in found.fields] == [
        (name, "added") for name in ("device_id", "entry_mode", "ip_country")
    ]
    assert {one.name for one in found.features if one.change == "added"} == set(EXTENDED_ONLY)
    assert len(found.features) == len(EXTENDED_ONLY)
    assert found.models == "all models of the old definitions can be served with the new ones"
    assert "replays the last 30 days" in found.state
    assert f"features/{EXTENDED.tag}" in found.lake
    assert "no device_id, entry_mode and ip_country" in found.lake


def test_removed_features_are_what_models_miss() -> None:
    found = compare(EXTENDED, V1)

    assert {(one.name, one.change) for one in found.features} == {(name, "removed") for name in EXTENDED_ONLY}
    assert "are refused" in found.models


@pytest.mark.parametrize("line", CHANGES)
def test_a_feature_that_differs(line: str) -> None:
    old, new = (parse_definitions(with_features(one)) for one in (COUNT, line))

    (found,) = compare(old, new).features

    assert (found.change, found.details) == CHANGES[line]


COUNT_C, COUNT_D, SUM_C, SUM_D = (
    f"{{name: {name}, aggregate: {how}, window: 1h}}"
    for how in ("count", "sum, of: amount")
    for name in ("c", "d")
)
MOVES = {
    "swapped names": ((COUNT_C, SUM_D), (SUM_C, COUNT_D), {"c": "renamed", "d": "renamed"}, None),
    "one of two alike goes": ((COUNT_C, COUNT_D), (COUNT_C,), {"d": "renamed"}, None),
    "two alike go": ((COUNT_C, COUNT_D), (COUNT,), {"a": "renamed"}, None),
    "both alike go": ((COUNT_C, COUNT_D, SUM_A := SUM_C.replace("c", "a", 1)), (SUM_A,), {}, "c and d"),
    "one takes the other's name": ((COUNT_C, SUM_D), (SUM_C,), {"c": "changed", "d": "renamed"}, "c"),
    "another alike comes": ((COUNT_C,), (COUNT_C, COUNT_D), {"d": "added"}, None),
}


@pytest.mark.parametrize("case", MOVES)
def test_models_know_features_by_what_they_compute(case: str) -> None:
    # given definitions that differ in which name has which feature
    lines, others, changes, lost = MOVES[case]
    old, new = (parse_definitions(with_features(*every)) for every in (lines, others))
    # when they are compared
    found = compare(old, new)
    # then models are said to be refused only if something that they want is computed no more
    gone = {name: "removed" for name in (lost or "").split(" and ") if name not in {"", *changes}}
    assert {one.name: one.change for one in found.features} == changes | gone
    assert ("are refused" in found.models) == (lost is not None)
    assert lost is None or f"want {lost} are refused" in found.models


ORDERS = {
    "features": (with_features(COUNT, SUM_C), with_features(SUM_C, COUNT)),
    "fields": (with_fields("x: {type: id}", "y: {type: id}"), with_fields("y: {type: id}", "x: {type: id}")),
}


@pytest.mark.parametrize("what", ORDERS)
def test_another_order_is_a_difference(what: str) -> None:
    found = compare(*map(parse_definitions, ORDERS[what]))
    assert found.others == (f"the order of {what}",)
    assert not found.is_empty


def test_another_age_of_rates_is_a_difference() -> None:
    # given definitions that use rates for 7 days, and others that use them for 3
    text = with_features(COUNT).replace("version: 1", "version: 1\nmoney: {base: EUR, rates: topic}")
    old, new = map(parse_definitions, (text, text.replace("topic}", "topic, max_age: 3d}")))
    # when they are compared
    found = compare(old, new)
    # then it is said, with what it means
    assert found.others == ("max_age 7d → 3d",)
    assert "do not fit" in found.state
    assert "all training rows" in found.lake


def test_a_field_that_is_read_elsewhere_changes_the_features_of_it() -> None:
    line = "  - {name: a, aggregate: distinct, of: x, window: 1h}\n"
    old = parse_definitions(with_fields("x: {type: id}") + line)
    new = parse_definitions(with_fields("x: {type: id, path: device.x}") + line)

    found = compare(old, new)

    assert [(one.name, one.change) for one in found.fields] == [("x", "changed")]
    assert "at x" in found.fields[0].details
    assert "at device.x" in found.fields[0].details
    assert [(one.name, one.details) for one in found.features] == [
        ("a", "what it is computed of has changed")
    ]


def test_profiles_that_are_made_more_often_are_made_again() -> None:
    # given profiles of the device
    one = "{name: a, profile: device_id, value: count, window: 7d}"
    text = with_features(COUNT.replace("name: a", "name: b"), one)
    old, new = (
        parse_definitions(text.replace("features:", f"profiles: {{every: {every}}}\nfeatures:", 1))
        for every in ("1h", "15m")
    )
    # when they are made every 15 minutes instead of every hour
    found = compare(old, new)
    # then that is said, with what has to be done
    assert [(one.name, one.details) for one in found.features] == [("a", "made every 1h → 15m")]
    assert f"profiles/{new.profile_digest}" in found.lake
    assert "topics create" in found.lake
    assert found.state == "snapshots fit; nothing is rebuilt"
