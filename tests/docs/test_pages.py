"""What pages name is there: files, headings, settings, commands, make targets, states of a transaction."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from deployments.cli.commands import COMMANDS
from fraud.settings import Settings
from serving.delivery.transaction_state import TRANSITIONS
from tests.test_architecture import ROOT, product_files, syntax_of, tracked_files

PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "k8s/README.md"),
    *sorted(
        str(path.relative_to(ROOT))
        for folder in ("docs", "benchmarks")
        for path in (ROOT / folder).rglob("*.md")
    ),
)
MAX_README_LINES = 150

_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_IN_BACKQUOTES = re.compile(r"`([^`\n]+)`")
_ROW_OF_A_FOLDER = re.compile(r"^\| `([\w/]+/)`[^|]*\|([^|]*)\|", re.MULTILINE)
_FILE_IN_FOLDER = re.compile(r"\w+\.py|\w+/")
_FILE_OR_FOLDER = re.compile(r"(?:[\w.-]+/)+(?:[\w.-]+\.\w+)?")
_SETTING = re.compile(r"\bFRAUD_[A-Z0-9]+__[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_])")
_COMMAND = re.compile(r"(?:^ {4}|`)fraud ([a-z]+)", re.MULTILINE)
_TARGET = re.compile(r"(?:^ {4}|`)make ([a-z0-9-]+)", re.MULTILINE)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MAX_README_LINES


def paths_of(page: str) -> Iterator[tuple[str, Path]]:
    """What a page names as a file or folder of this repository, and where it would be.

    Links count, and in backquotes what starts with a folder of the root and is a file (with an extension)
    or a folder (with a slash at its end). In a table's
    row that is about one folder, names of files and folders are in that folder.
    """
    text = (ROOT / page).read_text()
    folders = {name.split("/")[0] for name in tracked_files() if "/" in name}
    for groups in _LINK.findall(text):
        link = "".join(groups).split("#")[0]
        if link and "://" not in link:
            yield link, (ROOT / page).parent / link
    for quoted in _IN_BACKQUOTES.findall(text):
        if _FILE_OR_FOLDER.fullmatch(quoted) and quoted.split("/")[0] in folders:
            yield quoted, ROOT / quoted
    for folder, contents in _ROW_OF_A_FOLDER.findall(text):
        for quoted in _IN_BACKQUOTES.findall(contents):
            if _FILE_IN_FOLDER.fullmatch(quoted):
                yield f"{folder}{quoted}", ROOT / folder / quoted


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    assert not [name for name, path in paths_of(page) if not path.exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_heading_has_its_heading(page: str) -> None:
    # given links such as models.md#promotion
    links = ["".join(groups) for groups in _LINK.findall((ROOT / page).read_text())]
    missing = []
    for link in links:
        target, _, anchor = link.partition("#")
        path = (ROOT / page).parent / target if target else ROOT / page
        if anchor and "://" not in link and path.suffix == ".md" and anchor not in headings_of(path):
            missing.append(link)
    # then each leads to a heading
    assert not missing


def headings_of(path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = [
        page.removeprefix("docs/") for page in PAGES if page.startswith("docs/") and page != "docs/README.md"
    ]
    assert not [page for page in pages if f"({page})" not in index]


def test_the_picture_of_a_transaction_has_the_moves_of_the_code() -> None:
    # given the state diagram of docs/architecture.md
    page = (ROOT / "docs/architecture.md").read_text()
    diagram = page.split("stateDiagram-v2")[1].split("```")[0]
    drawn = set(re.findall(r"^\s+([A-Z_]+) --> ([A-Z_]+)", diagram, re.MULTILINE))
    # then it has each legal move, and no other
    assert drawn == {(before.name, after.name) for before, moves in TRANSITIONS.items() for after in moves}


def test_the_table_of_threads_names_every_thread_of_serving() -> None:
    # given the names of the threads that serving starts; followers of topics and senders are given theirs
    files = [name for name in product_files() if name.startswith("serving/")]
    calls = [node for name in files for node in ast.walk(syntax_of(name)) if isinstance(node, ast.Call)]
    naming = {"threading.Thread": "name", "TopicFollower": "thread", "super().__init__": "thread"}
    starting = [
        call
        for call in calls
        if (kind := ast.unparse(call.func)) in naming
        and (kind != "super().__init__" or any(word.arg == "thread" for word in call.keywords))
    ]
    values = [
        ast.unparse(word.value)
        for call in starting
        for word in call.keywords
        if word.arg == naming[ast.unparse(call.func)]
    ]
    assert len(values) == len(starting)
    names = [ast.literal_eval(value) for value in values if value != "thread"]
    # then docs/architecture.md says what each of them owns
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.split("## Threads and the data they own")[1].split("\n## ")[0]
    assert not [name for name in names if f"`{name}`" not in table]


def test_the_page_on_compiled_code_names_every_module_of_it() -> None:
    page = (ROOT / "docs/design/native.md").read_text()
    modules = [Path(name).name for name in product_files() if name.startswith("fraud/native/")]
    assert not [name for name in modules if name != "__init__.py" and f"{name}`" not in page]


def settings_of(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Patterns of the environment variables of a settings class, and of its sections."""
    for name, field in model.model_fields.items():
        variable = prefix + (field.alias or name).upper()
        yield variable
        # A user gives the sections of a dictionary their names.
        names = "[A-Z0-9]+__" if get_origin(field.annotation) is dict else ""
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from settings_of(kind, f"{variable}__{names}")


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_a_page_names_exists(page: str) -> None:
    known = re.compile("|".join(settings_of(Settings, "FRAUD_")))
    assert not [one for one in _SETTING.findall((ROOT / page).read_text()) if not known.fullmatch(one)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert not set(_COMMAND.findall(text)) - set(COMMANDS)
    assert not set(_TARGET.findall(text)) - targets
