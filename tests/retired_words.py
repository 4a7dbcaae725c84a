"""The words that this project no longer uses, and what to write instead; run by `make check`.

    python -m tests.retired_words [PATH ...]

Prints `file:line: word: what to use` for each, and ends with 1 if there are any. A word inside an identifier
counts (`door_of`, `DoorState`). What is quoted from elsewhere or read by earlier versions is in ALLOWED.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

RETIRED = {
    "door|doors": "admission, AdmissionFilter",
    "told|tell|tells|telling": "payload, attributes, describe, report: what it is",
    "anew": "again",
    "for ever": "indefinitely",
    "whoever": "anyone who",
    "mend|mends|mended|mending": "fix",
    "lest": "so that ... not",
    "seat|seats|seated": "ModelSlot",
    "crown|crowns": "top levels",
    "twin|twins": "calibration model; the other",
    "odd|oddity|oddities|oddly": "not simple; unusual",
    "contender|contenders|contest|contests|contestant|contestants": "candidate, comparison, system",
    "hindsight": "label history, as-of join",
    "judge|judges|judged|judging|judgement|judgements": "evaluate, Evaluation; review",
    "verdict|verdicts": "review, decision, outcome",
    "desk|desks": "AppContext, dashboard",
    "federation": "oidc",
    "spool|spools|spooled": "staging file",
    "tend|tends|tending": "poll",
    "rooms": "packages",
    "begin_of|begin_ms|begin_ns": "start",
}
"""Alternatives of a pattern over whole words, and the words to use."""

EXTENSIONS = {
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".tpl",
    ".ts",
    ".tsx",
    ".css",
    ".html",
    ".tf",
    ".sh",
    ".txt",
    "",
}
SKIPPED = (
    "CHANGELOG.md",
    "tests/retired_words.py",
    "tests/test_retired_words.py",
    "docs/glossary.md",
    "serving/dashboard/static/",
)


class Allowed(NamedTuple):
    """Uses that stay: lines of `file` (a prefix of its path) that match `line`."""

    file: str
    line: str
    why: str


ALLOWED = (
    Allowed("fraud/evaluation/backtest/summary.py", r'"contenders"', "the name in the backtest's JSON file"),
    Allowed(
        "tests/fraud/evaluation/backtest/test_summary.py",
        r'"contenders"',
        "the name in the backtest's JSON file",
    ),
    Allowed("fraud/ingest/commits.py", r'name="door"', "the name in files that earlier versions read"),
    Allowed("serving/delivery/offset_metadata.py", r'"door"', "the name in committed offsets"),
    Allowed("serving/state/snapshot_format.py", r'"door"', "the name in snapshots"),
    Allowed("producer/replay/forms/codes.py", r"russian federation", "the country's name"),
    Allowed("producer/replay/files/text.py", r"\.tell\(\)", "a method of files"),
    Allowed("tests/serving/delivery/test_offset_metadata.py", r'"door"', "the name in committed offsets"),
    Allowed("tests/serving/state/test_replay.py", r'"door"', "the name in committed offsets"),
    Allowed("serving/dashboard/api/cases.py", "former|/verdict|AliasChoices", "former names of the API"),
    Allowed("serving/dashboard/api/former_names.py", "verdict", "former names of the API"),
    Allowed("serving/dashboard/api/queries.py", "former name", "former names of the API"),
    Allowed("serving/dashboard/api/reviews.py", '"verdict_id"', "the header in topics"),
    Allowed("serving/dashboard/database/former_versions.py", "verdict", "the tables of earlier versions"),
    Allowed("tests/serving/dashboard/feed/test_store.py", "verdict", "the tables of earlier versions"),
    Allowed("tests/serving/dashboard/api/test_api.py", '/verdict|"verdict"', "former names of the API"),
    Allowed("tests/serving/dashboard/api/test_former_names.py", "verdict", "former names of the API"),
)

_WORD = re.compile("|".join(f"(?P<w{number}>{words})" for number, words in enumerate(RETIRED)))
_USES = list(RETIRED.values())
# An identifier is divided where underscores stand and where a capital follows a small letter.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PHRASE = re.compile(r"\bfor ever\b", re.IGNORECASE)


class Found(NamedTuple):
    """A retired word in a file."""

    path: str
    line: int
    word: str
    use: str


def words_of(line: str) -> Iterator[tuple[str, str]]:
    """The retired words in a line, each with what to use instead."""
    for part in (match.group().lower() for match in _PART.finditer(line)):
        if found := _WORD.fullmatch(part):
            yield part, _USES[int((found.lastgroup or "w0")[1:])]
    if _PHRASE.search(line):
        yield "for ever", RETIRED["for ever"]


def is_allowed(path: str, line: str) -> bool:
    """Whether the line is one of those that stay."""
    return any(path.startswith(one.file) and re.search(one.line, line) for one in ALLOWED)


def tracked_files(paths: Iterable[str]) -> list[str]:
    """The text files below `paths` that git knows, relative to the project."""
    names = subprocess.run(
        ["git", "ls-files", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in names if Path(name).suffix in EXTENSIONS and not name.startswith(SKIPPED)]


def retired_words(paths: Iterable[str]) -> Iterator[Found]:
    """Every retired word in the tracked files below `paths`."""
    for name in tracked_files(paths):
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if not is_allowed(name, line):
                yield from (Found(name, number, word, use) for word, use in words_of(line))


def main(paths: list[str]) -> int:
    """Print what was found below `paths` (everything, if none is given); 1 if there is anything."""
    found = list(retired_words(paths or ["."]))
    for one in found:
        sys.stdout.write(f"{one.path}:{one.line}: {one.word}: {one.use}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
