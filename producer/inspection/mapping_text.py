"""A proposed mapping as the YAML of `mapping.yaml`."""

import json
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any


@dataclass(frozen=True)
class Proposed:
    """One field's entry of a mapping: a column's name or options, and what it rests on."""

    field: str
    entry: str | dict[str, Any] | None
    why: str
    is_assumed: bool = False

    def column(self) -> str | None:
        """The column that it reads, if it is one."""
        return self.entry.get("column") if isinstance(self.entry, dict) else self.entry

    def line(self) -> str:
        """Its line of YAML, below one that says what was assumed."""
        note = f"# ASSUMED: {self.why}\n" if self.is_assumed else ""
        return f"{note}{self.field}: {yaml_text(self.entry)}"


@dataclass
class Proposal:
    """A mapping: entries of the file of transactions, and of the file of labels."""

    entries: list[Proposed] = field(default_factory=list)
    labels: list[Proposed] = field(default_factory=list)

    def text(self) -> str:
        """The same as YAML, with what was assumed in comments."""
        lines = [one.line() for one in self.entries]
        if self.labels:
            lines += ["labels:", *(indent(one.line(), "  ") for one in self.labels)]
        return "\n".join(lines) + "\n"


def yaml_text(entry: Any) -> str:
    """A value as YAML on one line."""
    if entry is None:
        return "null"
    if isinstance(entry, dict):
        return (
            "{"
            + ", ".join(f"{yaml_text(str(name))}: {yaml_text(value)}" for name, value in entry.items())
            + "}"
        )
    if isinstance(entry, list):
        return "[" + ", ".join(map(yaml_text, entry)) + "]"
    if isinstance(entry, bool):
        return "true" if entry else "false"
    text = str(entry)
    is_plain = text.replace("_", "").replace("-", "").isalnum() and text[0].isalpha() and text.isascii()
    is_word = text.lower() in ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    return text if is_plain and not is_word else _quoted(text)


def _quoted(text: str) -> str:
    """In quotes; what does not print, as marks that turn the line, is written as an escape."""
    return "".join(
        letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in json.dumps(text, ensure_ascii=False)
    )
