"""`fraud forget`: a card is removed from every store, and what cannot be removed is said."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from deployments.cli.decisions.options import As, person
from deployments.cli.privacy.stores import OpenStores, find_everywhere, forget_everywhere
from fraud.errors import ConfigurationError
from fraud.machine.terminal import shown
from fraud.settings import load_settings

if TYPE_CHECKING:
    from fraud.privacy.results import StoreResult


def forget(
    card: Annotated[str, typer.Argument(metavar="CARD", help="Its id; - reads it from the input.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, only count.")] = False,
    by: As = None,
) -> None:
    """The command `fraud forget`; `deployments.cli.commands` has its summary."""
    settings, who = load_settings(), person(by)
    with OpenStores.of(settings, _card_id(card)) as stores:
        results = forget_everywhere(stores, who) if yes else find_everywhere(stores)
    _print(results, is_done=yes)


def _card_id(given: str) -> str:
    """The id that is given; one on a command line stays in a shell's history."""
    found = sys.stdin.readline().strip() if given == "-" else given
    if not 1 <= len(found) <= 64:
        raise ConfigurationError("the id of a card has 1 to 64 characters; give one, or - to read it")
    return found


def _print(results: "list[StoreResult]", *, is_done: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    verb = "removed" if is_done else "would be removed"
    width = max(len(one.store) for one in results)
    for one in results:
        count = f"{one.removed:>9,} {verb}" if one.removed else " " * (10 + len(verb))
        kept = f"  {shown(one.kept)}" if one.kept else ""
        console.print(f"{shown(one.store):<{width}} {count}{kept}".rstrip(), markup=False)
    total = sum(one.removed for one in results)
    console.print(f"{total:,} in all {verb}" + ("" if is_done else "; run it again with --yes"), markup=False)
