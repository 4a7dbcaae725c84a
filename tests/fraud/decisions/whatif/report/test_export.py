"""A what-if as JSON, CSV and a page."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from fraud.decisions.whatif.report.charts import alerts_at
from fraud.decisions.whatif.report.export import as_csv, as_json, write_what_if
from fraud.decisions.whatif.report.page import render_what_if
from fraud.decisions.whatif.report.wording import count, left_out_lines, money, share, short, signed
from fraud.decisions.whatif.result import LeftOutPayments
from tests.fraud.decisions.whatif.results import a_result

RESULT = a_result()


def test_json_has_every_figure_and_null_where_there_is_none() -> None:
    # given a list that only approves, so that it has no precision
    document = json.loads(as_json(RESULT))
    [trusted] = [part for part in document["parts"] if part["name"] == "trusted"]
    assert trusted["figures"]["precision"]["value"] is None
    assert document["policies"][0]["figures"]["alerts"]["value"] == RESULT.policies[0].figures.alerts.value
    assert document["first_day"] == RESULT.first_day.isoformat()


def test_csv_has_a_row_for_each_policy_and_part() -> None:
    rows = list(csv.DictReader(as_csv(RESULT).splitlines()))
    assert [row["name"] for row in rows] == [
        *(one.name for one in RESULT.policies), *(part.name for part in RESULT.parts),
    ]  # fmt: skip
    assert float(rows[0]["alerts_low"]) == RESULT.policies[0].figures.alerts.low
    assert all(len(row) == len(rows[0]) for row in rows)


def test_the_page_loads_nothing_and_names_every_part() -> None:
    page = render_what_if(RESULT)
    assert not re.findall(r"""(?:src|href)=["'](?!#)|@import|url\((?!#)""", page)
    for part in RESULT.parts:
        assert part.name in page
    assert page.count("<svg") == 2
    assert "There would be more than 100 reviews on 3 days" in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\"'&b"])
def test_names_are_text_on_the_page(name: str) -> None:
    # given a rule and a policy with a name that looks like HTML
    parts = tuple(replace(part, name=name) for part in RESULT.parts)
    curves = tuple(replace(one, segment=name) for one in RESULT.curves)
    page = render_what_if(replace(RESULT, policy=name, parts=parts, curves=curves, warnings=(name,)))
    # then it is escaped everywhere
    assert "<script" not in page
    assert "a\"'&b" not in page


def test_a_result_without_labels_rules_and_curves_is_a_page() -> None:
    empty = replace(
        RESULT, parts=(), curves=(), overlap=replace(RESULT.overlap, rules=(), counts=()), currency="",
        review_capacity=None, days_over_capacity=(), left_out=LeftOutPayments(),
    )  # fmt: skip
    assert "Review capacity" not in render_what_if(empty)
    assert as_csv(empty).count("\n") == 1 + len(RESULT.policies)


def test_files_are_written_side_by_side(tmp_path: Path) -> None:
    paths = write_what_if(RESULT, tmp_path / "new", "tried")
    assert {kind: path.name for kind, path in paths.items()} == {
        "json": "tried.json", "csv": "tried.csv", "html": "tried.html",
    }  # fmt: skip
    assert all(path.stat().st_size > 1_000 for path in paths.values())


def test_figures_are_short() -> None:
    assert [count(1234.5), count(3.25), count(float("nan"))] == ["1,234", "3.2", "-"]
    assert [share(0.5), share(0.012), share(float("nan"))] == ["50%", "1.2%", "-"]
    assert [money(1234.5), money(3.25)] == ["1,234", "3.25"]
    assert [signed("3"), signed("-3"), signed("0")] == ["+3", "-3", "0"]


def test_only_what_is_left_out_is_said() -> None:
    assert left_out_lines(LeftOutPayments()) == []
    assert left_out_lines(LeftOutPayments(repeated=1_200)) == [
        "1,200 predictions repeat a payment; the first counts"
    ]


def test_alerts_at_a_bound_lie_between_those_of_the_points_around_it() -> None:
    points = RESULT.curves[0].points
    assert alerts_at(points, points[5].bound) == pytest.approx(points[5].alerts)
    assert points[5].alerts <= alerts_at(points, (points[5].bound + points[6].bound) / 2) <= points[6].alerts
    assert alerts_at(points, 2.0) == 0


def test_short_figures_have_three_digits() -> None:
    values = (
        0,
        0.033,
        5,
        8.256,
        29.9,
        167.4,
        1_354.0,
        663_159.0,
        1_350_000.0,
        -2_500_000_000.0,
        float("nan"),
    )
    assert [short(value) for value in values] == [
        "0", "0.03", "5", "8.26", "29.9", "167", "1.35k", "663k", "1.35M", "-2.5G", "-",
    ]  # fmt: skip
