"""The groups of tests: the paths exist, and each test has the group of its innermost entry."""

from pathlib import Path

import pytest

from tests.running.groups import GROUPS, group_of, sort_by_group

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", [path for paths in GROUPS.values() for path in paths])
def test_every_listed_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/flows/test_monitor.py::test_a", "prefect"),
        ("tests/flows/preprocess/test_preprocess.py::test_a[x::y]", "spark"),
        ("tests/fraud/labels/test_joining.py::test_a", "tests/fraud/labels/test_joining.py"),
    ],
)
def test_a_test_has_the_group_of_its_innermost_entry(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_every_test_of_this_session_has_one_group(request: pytest.FixtureRequest) -> None:
    # given the tests that were collected with this one
    items = request.session.items
    # then
    for item in items:
        (mark,) = item.iter_markers("xdist_group")
        assert mark.args == (group_of(item.nodeid.partition("@")[0]),)
    # and sorting again changes nothing
    again = list(items)
    sort_by_group(again)
    assert again == items
