"""Texts of others on a terminal and in a log: they neither command it nor turn the line around them."""

import io
import logging
import sys
import unicodedata

from fraud.cards.masking import mask_text
from fraud.errors import FileError

_FIRST_STRONG_ISOLATE, _END = "\u2068", "\u2069"
_INITIATORS = "\u2066\u2067\u2068"
_TURNING = {"R", "AL", "RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
"""Categories of Unicode: what commands a terminal, half characters, and what ends a line."""

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def shown(text: str) -> str:
    """The text with card numbers masked and control characters escaped; isolated if it turns directions."""
    text = mask_text(text)
    if text.isascii() and text.isprintable():
        return text
    plain = without_controls(text)
    if not any(unicodedata.bidirectional(letter) in _TURNING for letter in plain):
        return plain
    return _isolated(plain)


def shown_error(error: Exception) -> str:
    """The text of an error; one that names several mistakes has a line for each."""
    lines = error.problems if isinstance(error, FileError) else [" ".join(str(error).split())]
    return "\n".join(map(shown, lines))


def without_controls(text: str) -> str:
    """The text with its control characters escaped, on one line."""
    return "".join(map(_escaped, text))


class LineFormatter(logging.Formatter):
    """A record's message is one line, whatever stands in its values; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line with the message as it is shown."""
        record.message = shown(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802
        """The traceback, indented: no line of an exception's text can be taken for a record."""
        traceback = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join("    " + shown(line.expandtabs()) for line in traceback.split("\n"))


def print_anything() -> None:
    """Let output hold what the terminal's encoding does not: a question mark stands for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def log_to_stderr() -> None:
    """Let a program of ours log, a line for each record."""
    print_anything()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _escaped(letter: str) -> str:
    if unicodedata.category(letter) not in _UNSAFE:
        return letter
    return letter.encode("unicode_escape").decode()


def _isolated(text: str) -> str:
    """In an isolate of which the text cannot reach the end: stray ends go, open isolates are ended."""
    kept, depth = [], 0
    for letter in text:
        if letter in _INITIATORS:
            depth += 1
        elif letter == _END:
            if depth == 0:
                continue
            depth -= 1
        kept.append(letter)
    return _FIRST_STRONG_ISOLATE + "".join(kept) + _END * (depth + 1)
