"""The map of PCI DSS, each requirement once and with a test that there is; numbers of docs/security.md."""

import re

from tests.security.test_permissions import JOBS, cases
from tests.test_architecture import ROOT, tracked_files

PAGE = ROOT / "docs" / "security" / "pci-dss.md"
_ROW = re.compile(r"^\| (\d[^|]*) \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """The requirement and the tests of each row."""
    found = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) > 15
    return [(requirement, tests) for requirement, _, _, tests in found]


def test_each_requirement_is_shown_by_a_test_that_there_is() -> None:
    files = tracked_files()
    for requirement, shown_by in rows():
        tests = re.findall(r"`((?:tests|infra)/[^`]+)`", shown_by)
        assert tests, requirement
        for test in tests:
            assert any(file.startswith(test) and file.endswith((".py", ".hcl")) for file in files), test


def test_no_requirement_is_listed_twice() -> None:
    numbers = [number for one, _ in rows() for number in re.findall(r"\d+(?:\.\d+)+", one)]
    assert len(numbers) == len(set(numbers))


def test_the_page_says_how_many_permissions_are_taken_away() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert f"{len(cases())} cases of {len(JOBS)} jobs" in page
