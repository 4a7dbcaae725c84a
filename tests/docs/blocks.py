"""The command blocks of pages: indented ones, and fenced ones without a language or of a shell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.test_architecture import ROOT

PAGES = ("README.md", "docs/getting-started.md")
SHELLS = ("", "bash", "sh", "shell")

_FENCE = re.compile(r"^```(\w*)")
_INDENT = "    "
_COMMENT = re.compile(r"(^|\s+)#\s.*")


@dataclass(frozen=True)
class Block:
    """A block of a page; `line` is its first line's number, `language` is empty of an indented one."""

    page: str
    line: int
    language: str
    text: str

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in SHELLS

    @property
    def commands(self) -> list[str]:
        """Its commands, without comments; what goes on in the next line is one command."""
        joined = self.text.replace("\\\n", " ")
        whole: list[str] = []
        for line in (_COMMENT.sub("", one) for one in joined.splitlines()):
            if whole and whole[-1].count("'") % 2:
                whole[-1] += f"\n{line}"
            elif line.strip():
                whole.append(line.strip())
        return whole


def blocks_of(page: str) -> Iterator[Block]:
    """Every block of a page, in its order; comments on the blocks' lines are kept."""
    lines, first, held = (ROOT / page).read_text().splitlines(), 0, list[str]()
    language: str | None = None
    for number, line in enumerate([*lines, ""], start=1):
        fence = _FENCE.match(line)
        if fence and language is None:
            if held:
                yield Block(page, first, "", "\n".join(held))
            language, first, held = fence[1], number + 1, []
        elif fence:
            yield Block(page, first, language or "", "\n".join(held))
            language, held = None, []
        elif language is not None:
            held.append(line)
        elif line.startswith(_INDENT):
            first = first if held else number
            held.append(line.removeprefix(_INDENT))
        elif held and line.strip():
            yield Block(page, first, "", "\n".join(held))
            held = []
