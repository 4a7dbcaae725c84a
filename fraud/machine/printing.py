"""What commands print with rich: texts of others in tables, and JSON for machines."""

import json

import rich.console
from rich.console import ConsoleOptions, RenderResult
from rich.highlighter import JSONHighlighter
from rich.measure import Measurement
from rich.text import Text

from fraud.cards.masking import mask_text
from fraud.machine.console import Console
from fraud.machine.terminal import shown, without_controls


class NameCell:
    """A text of others in a table's cell: cropped to the cell, then isolated, so that the isolate ends."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text, self._style = text, style

    def __rich_console__(self, console: rich.console.Console, options: ConsoleOptions) -> RenderResult:
        """One line, with an ellipsis where it was too long."""
        plain = Text(without_controls(self._text))
        plain.truncate(options.max_width, overflow="ellipsis")
        yield Text(shown(plain.plain), self._style, no_wrap=True, overflow="ignore")

    def __rich_measure__(self, console: rich.console.Console, options: ConsoleOptions) -> Measurement:
        """At least one cell, at most the whole text."""
        return Measurement(1, max(1, Text(without_controls(self._text)).cell_len)).with_maximum(
            options.max_width
        )


def json_text(data: object) -> str:
    """JSON for machines that people may look at: all but printable ASCII is escaped, card numbers are masked.

    Args:
        data: What `json` takes; anything else becomes its text.
    """
    return mask_text(json.dumps(data, indent=2, default=str)).replace("\x7f", "\\u007f")


def print_json(data: object) -> None:
    """Print `json_text` of the data, in colours on a terminal, no line of it broken."""
    Console().print(JSONHighlighter()(json_text(data)), soft_wrap=True)
