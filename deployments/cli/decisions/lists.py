"""`fraud list`: entries of lists, such as blocked cards and trusted merchants."""

from collections.abc import Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from deployments.cli.decisions.options import As, AsJson, expiry, for_output, moment_iso, now_ms, person
from fraud.errors import ConfigurationError, FileError
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.settings import Settings, load_settings

if TYPE_CHECKING:
    from fraud.decisions.lists.entries import ListEntry
    from fraud.decisions.lists.publishing import PublishedEntries
    from fraud.definitions.fields import Field


def lists() -> None:
    """The command `fraud list`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=lists, no_args_is_help=True, add_completion=False)

_List = Annotated[str, typer.Argument(metavar="LIST", help="Such as blocked_cards.")]
_Values = Annotated[list[str], typer.Argument(metavar="VALUE...", help="Of the list's field.")]
_Reason = Annotated[str, typer.Option(help="Why; kept with the entry.")]
_For = Annotated[str | None, typer.Option("--for", help="How long it counts: 30d, 12h, 90m.")]
_Until = Annotated[str | None, typer.Option(help="Until when it counts: 2026-12-31, 2026-12-31T18:00Z.")]
_MOST_PROBLEMS = 20


@app.command()
def add(
    name: _List, values: _Values, reason: _Reason = "", for_: _For = None, until: _Until = None, by: As = None
) -> None:
    """Put values on a list; engines use them within two seconds."""
    from fraud.decisions.lists.publishing import publish_entries
    from fraud.decisions.lists.values import value_problem

    settings, now = load_settings(), now_ms()
    template = _template(name, reason, expiry(for_, until, now), person(by), now)
    field = _field_of(settings, name)
    problems = [problem for value in values if (problem := value_problem(field, value))]
    if problems:
        raise ConfigurationError("; ".join(problems))
    _say_published(name, publish_entries(settings, [_with_value(template, value) for value in values]))


@app.command()
def remove(name: _List, values: _Values, reason: _Reason = "", by: As = None) -> None:
    """Take values off a list."""
    from fraud.decisions.lists.publishing import remove_entries

    done = remove_entries(load_settings(), name, values, person(by), reason)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{shown(name)}: {done.removed:,} removed", markup=False)
    for value in done.missing:
        console.print(f"{shown(value)} was not on it", markup=False)
    if not done.removed:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[LIST]", help="Default: all, in brief.")] = None,
    search: Annotated[str, typer.Option(help="Only entries with this in value, reason or author.")] = "",
    most: Annotated[int, typer.Option(min=1, help="Entries, at most; the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the lists, or the entries of one: who put them there, why, and until when."""
    from deployments.cli.decisions.pages import entries_page, lists_page
    from fraud.decisions.lists.publishing import read_lists
    from fraud.decisions.lists.values import known_lists
    from fraud.decisions.log.reading import read_policies
    from fraud.machine.printing import print_json

    settings = load_settings()
    found = read_lists(settings)
    if name is None:
        known = known_lists(settings.loaded_definitions, read_policies(settings))
        counts = {one: len(list(found.entries(one))) for one in {*known, *found.names()}}
        rows = [(one, known.get(one), counts[one]) for one in sorted(counts)]
        if as_json:
            print_json([{"list": one, "field": of and of.field, "entries": n} for one, of, n in rows])
        else:
            Console(highlight=False).print(lists_page(rows))
        return
    wanted = [one for one in found.entries(name) if _matches(one, search)]
    newest = sorted(wanted, key=lambda one: -one.at)[:most]
    if as_json:
        print_json({"position": found.position, "entries": [_document(one) for one in newest]})
    else:
        Console(highlight=False).print(entries_page(name, newest, len(wanted), now_ms()))


@app.command("import")
def import_(
    name: _List,
    file: Annotated[Path, typer.Argument(help="A value a line, or CSV: value, reason, expires.")],
    reason: _Reason = "",
    for_: _For = None,
    until: _Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    by: As = None,
) -> None:
    """Put the values of a file on a list; nothing if one of its lines is wrong."""
    from fraud.decisions.lists.files import read_entry_file
    from fraud.decisions.lists.publishing import publish_entries
    from fraud.decisions.lists.values import value_problem

    settings, now = load_settings(), now_ms()
    template = _template(name, reason, expiry(for_, until, now), person(by), now)
    field = _field_of(settings, name)
    found = read_entry_file(file, template, field.name, partial(value_problem, field))
    if found.problems:
        raise FileError([*_first(found.problems), "nothing was written"])
    if dry_run:
        text = f"{file}: {len(found.entries):,} values for {name}, none of them wrong; nothing was written"
        Console(soft_wrap=True, highlight=False).print(shown(text), markup=False)
        return
    _say_published(name, publish_entries(settings, found.entries))


@app.command()
def export(
    name: _List,
    file: Annotated[Path | None, typer.Option(help="Where it goes; default: the output.")] = None,
) -> None:
    """Write a list as CSV that `import` reads."""
    from fraud.decisions.lists.files import write_entries
    from fraud.decisions.lists.publishing import read_lists

    entries = list(read_lists(load_settings()).entries(name))
    if file is None:
        content = StringIO()
        write_entries(content, entries, moment_iso)
        typer.echo(for_output(content.getvalue()), nl=False)
        return
    with file.open("w", encoding="utf-8", newline="") as target:
        write_entries(target, entries, moment_iso)
    Console(soft_wrap=True, highlight=False).print(f"{file}: {len(entries):,} entries", markup=False)


def _field_of(settings: Settings, name: str) -> "Field":
    """The field whose values a list has.

    Raises:
        ConfigurationError: no policy has such a list.
    """
    from fraud.decisions.lists.values import known_lists
    from fraud.decisions.log.reading import read_policies
    from fraud.definitions.checks.problems import suggestion

    definitions = settings.loaded_definitions
    known = known_lists(definitions, read_policies(settings))
    if name not in known:
        raise ConfigurationError(f"no policy has a list {name!r}{suggestion(name, known)}")
    return definitions.field_by_name[known[name].field]


def _template(name: str, reason: str, expires: int | None, by: str, now: int) -> "ListEntry":
    from fraud.decisions.lists.entries import ListEntry
    from fraud.decisions.lists.files import entry_problem

    found = ListEntry(name, "value", by, now, reason, expires)
    if problem := entry_problem(found):
        raise ConfigurationError(problem)
    return found


def _with_value(template: "ListEntry", value: str) -> "ListEntry":
    import msgspec

    return msgspec.structs.replace(template, value=value)


def _say_published(name: str, done: "PublishedEntries") -> None:
    Console(soft_wrap=True, highlight=False).print(
        f"{escape(shown(name))}: {done.added:,} added, {done.changed:,} changed, {done.unchanged:,} there "
        "already"
    )


def _matches(entry: "ListEntry", search: str) -> bool:
    return any(search.casefold() in text.casefold() for text in (entry.value, entry.reason, entry.by))


def _document(entry: "ListEntry") -> dict[str, object]:
    import msgspec

    return {name: getattr(entry, name) for name in msgspec.structs.asdict(entry)}


def _first(problems: Sequence[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    return [*problems[:_MOST_PROBLEMS], *([f"and {more:,} more lines"] if more > 0 else [])]
