"""The worked example of docs/definitions.md is what the tests from message to case page run with."""

import json
import re
from typing import Any

import msgspec
import pytest

from fraud.definitions.checks.feature_rules import RULES
from fraud.definitions.document import FieldPart
from fraud.definitions.features import DERIVED, PROFILE_OPERATIONS, Operation
from fraud.definitions.fields import FieldType
from fraud.definitions.loading import SHIPPED, parse_definitions
from fraud.messages.transaction import transaction_type
from tests.definitions import EXTENDED
from tests.test_architecture import ROOT

PAGE = (ROOT / "docs/definitions.md").read_text(encoding="utf-8")


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def example() -> str:
    """The shipped file with the page's fields and features, each where the page says."""
    fields, features = (block.partition("\n")[2] for block in blocks_of("yaml")[:2])
    text = SHIPPED.read_text(encoding="utf-8")
    text = text.replace("\nentities:", f"{fields}\nentities:")
    return text.replace("  # Of the merchant's profile.", f"{features}  # Of the merchant's profile.")


def test_the_example_computes_what_the_tests_use() -> None:
    found = parse_definitions(example())

    assert [(one.name, one.hash) for one in found.features] == [
        (one.name, one.hash) for one in EXTENDED.features
    ]
    assert found.tag == EXTENDED.tag


def test_the_message_of_the_example_is_read() -> None:
    (message,) = blocks_of("json")

    found: Any = msgspec.json.decode(message, type=transaction_type(parse_definitions(example())))

    assert (found.device_id, found.ip_country, found.entry_mode) == ("9f2c", "NO", "keyed")
    assert json.loads(message)["device"]["fingerprint"] == found.device_id


def test_the_page_quotes_a_default_text() -> None:
    quoted = "different devices in 30 days"

    assert quoted in PAGE
    assert parse_definitions(example()).feature_by_name["devices_30d"].text == quoted


def test_every_type_and_every_key_of_a_field_has_a_row() -> None:
    cells = re.findall(r"^\|([^|]*)\|", PAGE, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}

    assert {kind.value for kind in FieldType} | {"place"} <= named
    assert set(FieldPart.model_fields) - {"currency"} <= named


@pytest.mark.parametrize("operation", [one for one in Operation if "profile" not in one.value])
def test_every_operation_has_a_row_with_the_types_that_it_takes(operation: Operation) -> None:
    if operation in (*DERIVED, *PROFILE_OPERATIONS):
        assert f"`{operation.value}: [a, b]`" in PAGE
        return
    row = next(line for line in PAGE.splitlines() if re.match(rf"\|[^|]*`{operation.value}`", line))
    taken = row.split("|")[2]
    types = {kind.value for kind in RULES[operation].types or ()}
    assert set(re.findall(r"[a-z]+", taken)) - {"place"} == types


def test_conditions_of_the_page_are_accepted() -> None:
    # given the conditions in the table of filters, on fields of the example and a few more
    table = PAGE.split("### Filters")[1].split("### Windows")[0]
    conditions = re.findall(r"`(\{[^`]*\})`", table)
    more = "  is_chip: {type: boolean, optional: true}\n  mcc: {type: category, optional: true}\n"
    lines = "".join(
        f"  - {{name: filtered_{number}, aggregate: count, where: {where}, window: 1h}}\n"
        for number, where in enumerate(conditions)
    )
    text = example().replace("\nentities:", f"{more}\nentities:") + lines
    # then each can be used as it stands
    assert len(conditions) == 6
    assert len(parse_definitions(text).features) == len(EXTENDED.features) + len(conditions)
