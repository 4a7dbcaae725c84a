"""Cells that a spreadsheet does not run."""

import csv
from collections.abc import Iterator
from io import StringIO

import pytest

from fraud.csv_cells import csv_lines, plain_cell, safe_cell

FORMULAS = ("=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_starts_like_a_formula_is_marked_as_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-5, 12.5, "-5", "-5.20", "0", "2026-11-29", "card-1", "'quoted'", ""])
def test_numbers_and_plain_texts_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == str(value)


@pytest.mark.parametrize("text", [*FORMULAS, "-5", "card-1", "'quoted'", "", "'"])
def test_what_is_read_again_is_what_was_written(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text


def test_lines_come_one_at_a_time_and_hold_any_text() -> None:
    # given rows that say when they are read
    read: list[int] = []

    def lazily() -> Iterator[tuple[object, ...]]:
        for number in range(3):
            read.append(number)
            yield (number, 'a "quoted", text\nof two lines', None)

    # when the header is taken
    lines = csv_lines(("number", "text", "nothing"), lazily())
    assert next(lines) == "number,text,nothing\r\n"
    # then no more than one row was read
    assert read == [0]
    # and the rest is a CSV file
    found = [*csv.reader(StringIO("".join(lines), newline=""))]
    assert found[-1] == ["2", 'a "quoted", text\nof two lines', ""]
