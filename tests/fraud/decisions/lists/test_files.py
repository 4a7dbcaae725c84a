"""Files of entries: good lines, and the number of each bad one."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.decisions.lists.entries import ListEntry
from fraud.decisions.lists.files import EntryFile, read_entry_file
from fraud.decisions.lists.values import value_problem
from fraud.definitions.loading import load_definitions
from fraud.errors import DataError

TEMPLATE = ListEntry("blocked_cards", "value", "ann", 1_000, "leak", 9_000)


def read(path: Path, content: str | bytes) -> EntryFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_entry_file(path, TEMPLATE, "card_id", lambda value: "too long" if len(value) > 5 else "")


def values(found: EntryFile) -> list[str]:
    return [entry.value for entry in found.entries]


@pytest.mark.parametrize(
    "content",
    [
        "c1\nc2\n",
        "c1\r\n\r\nc2",
        "\ufeffc1\nc2",
        "value\nc1\nc2\n",
        "Card_Id,other\nc1,x\nc2\n",
        " c1 \nc2\nc1\n",
    ],
)
def test_values_are_read_from_lines_and_from_columns(tmp_path: Path, content: str) -> None:
    found = read(tmp_path / "f", content)
    assert (values(found), found.problems) == (["c1", "c2"], ())
    assert found.entries[0].reason == "leak"


def test_a_line_may_have_its_own_reason_and_expiry(tmp_path: Path) -> None:
    (entry,) = read(tmp_path / "f", "value,reason,expires\nc1,stolen,2026-12-31\n").entries
    assert (entry.reason, entry.expires) == ("stolen", 1_798_761_600_000)


def test_each_bad_line_is_named(tmp_path: Path) -> None:
    found = read(tmp_path / "f", "value,expires\nc1,\ntoo-long,\nc2,1969-12-31\nc3,soon\n")
    assert values(found) == ["c1"]
    assert found.problems == (
        f"{tmp_path}/f:3: too long",
        f"{tmp_path}/f:4: 'c2' expires before now, so it would never count",
        f"{tmp_path}/f:5: 'soon' is no date; write a day, 2026-12-31, or a moment, 2026-12-31T18:00Z",
    )


def test_a_line_with_more_columns_than_the_first_loses_nothing_unseen(tmp_path: Path) -> None:
    found = read(tmp_path / "f", "value,reason\nc1,left at the bar, drunk\nc2,lost,,\n")
    assert values(found) == ["c2"]
    assert found.problems == (
        f"{tmp_path}/f:2: 'c1' has more columns than the first line; put a text with a comma into quotes",
    )


def test_a_line_of_any_length_is_refused_in_a_short_sentence(tmp_path: Path) -> None:
    field = load_definitions().field_by_name["card_id"]
    (tmp_path / "f").write_text("4" * 1_000_000 + "\n" + "c," * 500_000)
    found = read_entry_file(tmp_path / "f", TEMPLATE, "card_id", partial(value_problem, field))
    assert len(found.problems) == 2
    assert all(len(one) < 200 + len(str(tmp_path)) for one in found.problems)


def test_columns_without_a_header_are_not_taken_for_a_value(tmp_path: Path) -> None:
    found = read(tmp_path / "f", "c,x\n")
    assert found.problems == (
        f"{tmp_path}/f:1: 'c,x' has a comma; a file of several columns begins with a line such as "
        "value,reason,expires",
    )


def test_another_encoding_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not UTF-8 at byte 1"):
        read(tmp_path / "f", b"c\xff")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(alphabet='value,\n\r"\x00 ', max_size=40))
def test_any_bytes_are_entries_or_problems(tmp_path: Path, content: str | bytes) -> None:
    try:
        found = read(tmp_path / "f", content)
    except DataError:
        return
    assert all(entry.value for entry in found.entries)
