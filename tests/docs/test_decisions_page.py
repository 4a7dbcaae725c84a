"""What docs/decisions.md says of policies is what the code does."""

import re
from pathlib import Path

import pytest

from fraud.decisions.document import parse_policy
from fraud.decisions.list_index import ListIndex
from fraud.decisions.policy_file.parts import PolicyDocument, RulePart
from fraud.decisions.predicates.parsing import parse_predicate
from fraud.decisions.predicates.payments import StoredPayment
from fraud.decisions.predicates.reference import evaluate
from fraud.definitions.loading import load_definitions
from tests.fraud.decisions.payments import decision_inputs, payment_table
from tests.test_architecture import ROOT

PAGE = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
DEFINITIONS = load_definitions()
TRUTHS = {"true": True, "false": False, "unknown": None}


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    return PAGE.split(f"# {heading}\n")[1].split("\n#")[0]


def first_cells(text: str) -> set[str]:
    rows = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("block", blocks_of("yaml"))
def test_the_policies_of_the_page_are_read(block: str) -> None:
    head = "" if block.startswith("version") else "version: 1\nname: test\n"
    assert parse_policy(DEFINITIONS, head + block)


def test_the_predicates_of_the_page_are_read() -> None:
    policy = parse_policy(
        DEFINITIONS, "version: 1\nname: a\nlists: {trusted_merchants: {field: merchant_id, outcome: approve}}"
    )
    (block,) = blocks_of("sql")
    for predicate in block.splitlines():
        assert parse_predicate(DEFINITIONS, predicate, {one.name: one for one in policy.lists})


def test_every_key_has_a_row() -> None:
    assert first_cells(section("Write a policy")) == set(PolicyDocument.model_fields)
    assert first_cells(section("Rules")) == set(RulePart.model_fields)


def test_every_finding_has_a_row() -> None:
    sources = [path.read_text() for path in Path(ROOT / "fraud/decisions/checks").glob("*.py")]
    kinds = {kind for text in sources for kind in re.findall(r"PolicyFinding\(\s*\"(\w+)\"", text)}
    assert first_cells(section("What is checked")) == kinds


@pytest.mark.parametrize(
    "row", re.findall(r"^\| `(.*country.*)` \| (.*) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
)
def test_the_table_of_unknown_values(row: tuple[str, ...]) -> None:
    # given payments in the countries of the table's columns
    table = payment_table(3).drop_columns("country").append_column("country", [["DE", "FR", None]])
    inputs = decision_inputs(DEFINITIONS, table)
    root = parse_predicate(DEFINITIONS, row[0], {}).root
    # when the predicate is evaluated
    found = [evaluate(root, StoredPayment(DEFINITIONS, inputs, ListIndex(), number)) for number in range(3)]
    # then it is what the row says
    assert found == [TRUTHS[cell.split(":")[0]] for cell in row[1:]]
