"""A text of others on the console of any command."""

import io

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fraud.machine.console import Console

ATTACKS = [
    "\x1b]0;owned\x07",  # the window's title
    "\x1b[2J\x1b[1;1Happroved",  # over the lines before
    "\x9b31mred",  # the same in one byte
    "fine\rdeclined",
    "t1\x08\x08t2",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "abc\u202e321",
    "one\u2028two",
    "\x00\x7f",
]
ALLOWED = set("\n\t")


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, legacy_windows=False)


def commands_in(text: str) -> set[str]:
    return {
        one for one in text
        if (ord(one) < 32 or 127 <= ord(one) < 160 or one in "\u202e\u2028") and one not in ALLOWED
    }  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_commands_the_terminal_wherever_it_stands(attack: str) -> None:
    table = Table()
    table.add_column(Text(attack))
    table.add_row(attack)
    for printable in (attack, Text(attack), table):
        console = terminal()
        console.print(printable, markup=False)
        assert commands_in(printed(console)) == set(), repr(printed(console))


def test_nor_does_it_in_a_page_that_is_drawn_again_and_again() -> None:
    console = terminal()
    with Live(console=console, auto_refresh=False) as live:
        live.update(Text("\x1b]0;owned\x07 t1"), refresh=True)
    assert "\x1b]" not in printed(console)
    assert "\x07" not in printed(console)
    assert "owned" in printed(console)


def test_styles_and_texts_of_every_script_stay() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system="standard")
    console.print("[red]Zürich, \u05d7\u05e0\u05d5\u05ea, \u6771\u4eac[/] \u2068id\u2069\tlast")
    text = printed(console)
    assert "\x1b[31m" in text
    for part in ("Zürich", "\u05d7\u05e0\u05d5\u05ea", "\u6771\u4eac", "\u2068id\u2069"):
        assert part in text
