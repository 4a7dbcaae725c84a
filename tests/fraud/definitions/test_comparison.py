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
