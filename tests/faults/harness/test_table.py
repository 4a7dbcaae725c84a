"""The matrix's own table."""

from pathlib import Path

from tests.faults.harness.table import MARKS, Table, put_between_marks


def test_a_table_replaces_the_former_one_between_the_marks(tmp_path: Path) -> None:
    # given
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}the former one\n{MARKS[1]}after\n")

    # when
    put_between_marks(page, "| a |\n")
    put_between_marks(page, "| b |\n")

    # then
    assert page.read_text() == f"before\n{MARKS[0]}\n| b |\n\n{MARKS[1]}after\n"


def test_a_line_ends_with_the_duration_of_its_test() -> None:
    table = Table(None, lines={"test": "| a case | 1.0 s |"}, durations={"test": 12.3})
    assert table.text().splitlines()[-1] == "| a case | 1.0 s | 12 s |"
