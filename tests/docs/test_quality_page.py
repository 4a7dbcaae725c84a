"""docs/quality.md and the README's headline say what was measured, and name what there is."""

import json
import re

import pytest

from tests.test_architecture import ROOT

PAGE = (ROOT / "docs/quality.md").read_text()
RESULTS = json.loads((ROOT / "benchmarks/results.json").read_text())["definitions-quality-published"]
FIGURES = ("average_precision", "auc", "card_precision")
SECTIONS = {
    "Fraud Detection Handbook": "handbook",
    "Sparkov": "sparkov",
    "Worldline and ULB": "ulb",
    "BankSim": "banksim",
    "PaySim": "paysim",
    "TabFormer": "tabformer",
    "IEEE-CIS": "ieee-cis",
    "Bank Account Fraud": "baf",
}


def test_the_table_of_the_same_weeks_is_what_was_measured() -> None:
    # given the rows of the last measurement
    rows = {row["definitions"]: [row[name] for name in FIGURES] for row in RESULTS["figures"]["rows"]}
    # then the page has each of them
    section = PAGE.split("## Fraud Detection Handbook")[1].split("\n## ")[0]
    written = dict(
        re.findall(
            r"^\| (?:ours, `)?([^|`]+?)(?:\.yaml`[^|]*)? \| ([^|]+ \| [^|]+ \| [^|]+) \|$",
            section,
            re.MULTILINE,
        )
    )
    assert {name: [float(one) for one in figures.split(" | ")] for name, figures in written.items()} == {
        name: [round(value, 3) for value in values] for name, values in rows.items()
    }


def test_the_headline_of_the_readme_is_of_the_same_weeks() -> None:
    rows = {row["definitions"]: row["average_precision"] for row in RESULTS["figures"]["rows"]}
    said = re.search(
        r"average precision of (0\.\d\d), the Handbook's best model (0\.\d\d)",
        (ROOT / "README.md").read_text(),
    )
    assert said is not None
    assert [float(one) for one in said.groups()] == [
        pytest.approx(rows[name], abs=0.005) for name in ("default", "the Handbook's XGBoost")
    ]


@pytest.mark.parametrize(("heading", "example"), SECTIONS.items())
def test_each_data_set_has_a_section_a_row_and_an_example(heading: str, example: str) -> None:
    anchor = heading.lower().replace(" ", "-")

    assert f"\n## {heading}\n" in PAGE
    assert re.search(rf"^\| \[[\w -]+\]\(#{anchor}\) \|", PAGE, re.MULTILINE)
    assert f"examples/{example}" in PAGE
    assert "docs/quality.md" in (ROOT / "examples" / example / "README.md").read_text()
