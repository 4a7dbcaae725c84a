"""The console of every command: whatever a text of others holds, it cannot command the terminal."""

from collections.abc import Iterable

import rich.console
from rich.segment import Segment

_COMMANDS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_ENDS = dict.fromkeys((0x2028, 0x2029), "\ufffd")
"""What ends a line."""
_TURNS = dict.fromkeys(range(0x202A, 0x202F), "")
"""What turns the direction of a line, and has no width. Isolates stay, as `terminal.shown` adds them."""
_REPLACED = str.maketrans(_COMMANDS | _ENDS | _TURNS)


class Console(rich.console.Console):
    """Rich's console, which takes only a few control characters out of a text.

    Escape sequences would move the cursor, change the title, or write over the lines before: an id of a
    payment is anybody's. Styles are added later, and stay.
    """

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(_without_commands(one) for one in buffer)


def _without_commands(segment: Segment) -> Segment:
    if segment.control or (segment.text.isascii() and segment.text.isprintable()):
        return segment
    return Segment(segment.text.translate(_REPLACED), segment.style)
