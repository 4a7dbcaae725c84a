"""Hostile names in what people read: logs, errors and tables."""

import io
import logging
import sys

import pytest
from rich.console import Console

from deployments.cli.stack.status import status_table
from deployments.local.stack import ServerStatus
from fraud.machine.terminal import FORMAT, LineFormatter, shown

HOSTILE = "a\x1b]0;title\x07\x1b[2J\r\nERROR fake line\x9b31m\u2028\udcff\x00"
TURNING = "\u202eevil\u2069\u2069 חנות"


def test_control_characters_are_escaped_and_other_text_stays() -> None:
    safe = shown(HOSTILE)
    assert safe.isprintable()
    assert "\\x1b]0;title\\x07" in safe
    assert "\\udcff" in safe
    for plain in ("Café Zürich, 東京", "a\\b", "", "x y"):
        assert shown(plain) == plain


def test_what_turns_directions_ends_with_the_text() -> None:
    safe = shown(TURNING)
    assert (safe[0], safe[-1]) == ("\u2068", "\u2069")
    assert safe.count("\u2069") == 1
    # an isolate that the text opens is ended, too
    assert shown("\u2067x") == "\u2068\u2067x\u2069\u2069"
    # and a line feed does not end it from within
    assert "\\n" in shown("\u202ea\nb")


def test_a_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    # given a log as our programs have it
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(LineFormatter(FORMAT))
    log = logging.Logger("test")
    log.addHandler(handler)
    # when foreign text is logged, also as the text of an exception
    log.warning("a profile of %s is ignored", HOSTILE)
    try:
        raise ValueError(HOSTILE)  # noqa: TRY301
    except ValueError:
        log.exception("of %s", TURNING)
    # then nothing of it is a line of its own or reaches the terminal
    lines = sink.getvalue().splitlines()
    assert not [line for line in lines if line.startswith("ERROR fake")]
    assert "\x1b" not in sink.getvalue()
    assert all(line.isprintable() or "\u2068" in line for line in lines)
    assert lines[0].endswith("\\x00 is ignored")


def test_brackets_in_a_path_are_no_markup() -> None:
    found = [ServerStatus("Kafka", "ready", "127.0.0.1:1", 1, "/x/[red]y[/z]/kafka.log")]
    console = Console(file=io.StringIO(), width=200)
    console.print(status_table(found))
    assert isinstance(console.file, io.StringIO)
    assert "/x/[red]y[/z]/kafka.log" in console.file.getvalue()


def test_an_error_of_a_command_shows_no_control_character(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import deployments.cli as cli
    from fraud.errors import DataError

    def fail() -> None:
        raise DataError(f"the file {HOSTILE} is broken")

    monkeypatch.setattr(cli, "application", fail)
    monkeypatch.setattr(sys, "argv", ["fraud"])
    with pytest.raises(SystemExit):
        cli.main()
    output = capsys.readouterr().err
    assert output.rstrip("\n").isprintable()
