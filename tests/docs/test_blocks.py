"""The commands of README and getting started parse; each block is run, or says why not."""

import importlib
import re
import shlex
from typing import Any

import pytest
import typer

from deployments.cli import application
from flows.entry import _command
from fraud.settings import Settings
from tests.docs.blocks import PAGES, Block, blocks_of
from tests.docs.running import NOT_RUN, RUN
from tests.test_architecture import ROOT

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
COMMANDS = [
    pytest.param(part.strip(), id=f"{block.page}:{block.line} {part.strip()[:40]}")
    for block in BLOCKS
    if block.is_shell
    for command in block.commands
    for part in re.split(r"&&|&$", command)
    if part.strip()
]
SHELL_WORDS = {"export", "source", "eval", "curl", "prefect"}
"""Of the shell and of other projects: what they are given is checked when the block is run."""

_SETTING = re.compile(r"^(FRAUD_\w+)=\S+\s*")


def require_setting(name: str) -> None:
    """The setting of an environment variable exists."""
    section, _, field = name.removeprefix("FRAUD_").lower().partition("__")
    model: Any = Settings.model_fields[section].annotation
    assert not field or field in model.model_fields, name


def parse(command: Any, words: list[str]) -> None:
    """Parse a command's words as click does, down to the last group, without running it.

    Raises:
        click.UsageError: there is no such command, option or argument.
    """
    if not hasattr(command, "resolve_command"):
        command.make_context(command.name, words)
        return
    name, found, rest = command.resolve_command(typer.Context(command), words)
    assert found is not None, name
    parse(found, rest)


def flow_command(name: str) -> Any:
    """The command line of `flows/NAME.py`."""
    app = typer.Typer(add_completion=False)
    app.command()(_command(getattr(importlib.import_module(f"flows.{name}"), name), None))
    return typer.main.get_command(app)


@pytest.mark.timeout(400)  # importing the flows
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_a_page_is_one_that_the_programs_take(command: str) -> None:
    while found := _SETTING.match(f"{command} "):
        require_setting(found[1])
        command = f"{command} "[found.end() :].strip()
    words = shlex.split(command)
    match words:
        case []:
            return
        case ["fraud", *given]:
            parse(application(), given)
        case ["python", script, *given]:
            parse(flow_command(script.removeprefix("flows/").removesuffix(".py")), given)
        case ["make", target, *_]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
        case [word, *_]:
            assert word in SHELL_WORDS, command


def test_an_option_that_is_not_there_is_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(application(), ["promote", "1", "--az", "champion"])


@pytest.mark.parametrize("block", BLOCKS, ids=lambda one: f"{one.page}:{one.line}")
def test_a_block_is_run_or_says_why_not(block: Block) -> None:
    if block.is_shell:
        first = block.commands[0]
        assert (first in RUN) != (first in NOT_RUN), f"{first!r}: RUN or NOT_RUN?"
    else:
        assert block.language in ("text", "python", "mermaid"), block.language
