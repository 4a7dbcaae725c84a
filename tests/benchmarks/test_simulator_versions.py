"""The table of the simulator's versions: what it says of a small world is so."""

import pytest

from benchmarks.simulator.versions import Properties, measure, table


@pytest.fixture(scope="module")
def measured() -> dict[str, list[Properties]]:
    return {name: [measure(name, 3, cards=800)] for name in ("v1/small", "v2/small")}


def test_what_the_versions_differ_in_is_measured(measured: dict[str, list[Properties]]) -> None:
    # when
    (first,), (second,) = measured.values()
    # then
    assert first.after_report > 0.01
    assert second.after_report == second.frauds_after_report == 0
    assert first.at_new_merchants < 0.005 < second.at_new_merchants
    assert second.frauds_per_card < first.frauds_per_card
    assert all(0 < one.same_weeks <= 1 and 0 < one.later_weeks <= 1 for one in (first, second))


def test_the_table_has_a_row_for_each_property(measured: dict[str, list[Properties]]) -> None:
    lines = list(table(measured))

    assert lines[0] == "| property | v1/small | v2/small |"
    assert lines[-1].startswith("| later_weeks | 0.")
    assert len(lines) == 10
