"""What commands print with rich: names and JSON that neither command nor turn a terminal."""

import io
import json

import pytest
from rich.console import Console
from rich.table import Table

from fraud.machine.printing import NameCell, json_text, print_json
from tests.fraud.machine.test_terminal import HOSTILE, TURNING


def test_json_is_printable_ascii_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    # given texts that command, turn and end lines, also as names
    data = {HOSTILE: [TURNING, "\x7f\x9b\u2028\u200f", "müller", 1.5, None]}
    # when they are printed for machines
    print_json(data)
    output = capsys.readouterr().out
    # then only printable ASCII is there, and it means the same
    assert all(line.isascii() and line.isprintable() for line in output.splitlines())
    assert json.loads(output) == data


def test_json_of_what_json_does_not_know_is_its_text() -> None:
    assert json.loads(json_text({"a": 1j})) == {"a": "1j"}


def test_a_long_line_of_json_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(["x " * 500])
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("width", [4, 12, 60])
@pytest.mark.parametrize("name", [TURNING, "חנות " * 9, "\u2067" * 3 + "x" * 30, HOSTILE])
def test_a_name_in_a_cell_ends_its_isolate_where_it_is_cropped(name: str, width: int) -> None:
    # given a table with a name before another column
    table = Table(box=None, show_header=False)
    table.add_column(width=width, no_wrap=True)
    table.add_column()
    table.add_row(NameCell(name), "next")
    console = Console(file=io.StringIO(), width=100)
    # when it is printed
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    (line,) = console.file.getvalue().splitlines()
    # then every isolate that begins before the next column ends there, and nothing commands
    before = line.partition("next")[0]
    assert sum(before.count(sign) for sign in "\u2066\u2067\u2068") == before.count("\u2069")
    assert "\x1b" not in line
    assert "next" in line
