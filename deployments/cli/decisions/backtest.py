"""`fraud policy backtest`: what a policy would have done with the payments that were scored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.decisions.options import As, AsJson, now_ms, person
from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.settings import Settings, load_settings

if TYPE_CHECKING:
    from fraud.decisions.policy import Policy

_Policy = Annotated[str, typer.Argument(metavar="POLICY", help="A file, a version's number, live or shadow.")]
_Days = Annotated[int, typer.Option(min=1, max=3_650, help="Days of payments, up to the newest.")]
_Position = Annotated[
    int | None,
    typer.Option(min=0, help="Lists as of a prediction's lists_position; default: as they are now."),
]
_Folder = Annotated[
    Path | None, typer.Option("--out", help="Folder of the files; default: what-if in the home.")
]
_Attach = Annotated[
    bool, typer.Option("--attach", help="Attach it to the version, for those who approve it.")
]


def backtest(
    policy: _Policy,
    days: _Days = 30,
    lists_position: _Position = None,
    out: _Folder = None,
    attach: _Attach = False,
    as_json: AsJson = False,
    by: As = None,
) -> None:
    """Try a policy on logged predictions: alerts, precision, recall and money, against the live one."""
    from deployments.cli.decisions.backtest_page import what_if_page
    from fraud.decisions.whatif.current import listed_entries, live_policy
    from fraud.decisions.whatif.report.export import as_json as to_json
    from fraud.decisions.whatif.report.export import write_what_if
    from fraud.decisions.whatif.run import what_if

    settings = load_settings()
    if attach and not policy.isdecimal():
        raise ConfigurationError(f"--attach needs the number of a version, not {policy!r}; propose it first")
    candidate = _policy_of(settings, policy)
    lists = listed_entries(settings, lists_position)
    found = what_if(settings, candidate, live_policy(settings), lists, days=days, now_ms=now_ms())
    paths = write_what_if(found, out or settings.home / "what-if", f"{candidate.name}-{candidate.digest}")
    if attach:
        _attach(settings, int(policy), person(by), found)
    if as_json:
        typer.echo(to_json(found))
        return
    console = Console(highlight=False)
    console.print(what_if_page(found))
    console.print(
        *(f"{kind}: {path}" for kind, path in paths.items()), sep="\n", soft_wrap=True, markup=False
    )


def _policy_of(settings: Settings, name: str) -> "Policy":
    from deployments.cli.decisions.policy import text_of
    from fraud.decisions.document import parse_policy, read_policy
    from fraud.decisions.log.reading import read_policies

    if Path(name).suffix in (".yaml", ".yml"):
        return read_policy(settings.loaded_definitions, Path(name))
    text = text_of(settings, read_policies(settings), name)
    return parse_policy(settings.loaded_definitions, text, f"version {name}")


def _attach(settings: Settings, version: int, by: str, found: object) -> None:
    from fraud.decisions.log.publishing import attach_what_if
    from fraud.decisions.whatif.report.export import as_attachment
    from fraud.decisions.whatif.result import WhatIfResult

    assert isinstance(found, WhatIfResult)
    attach_what_if(settings, version, as_attachment(found), by)
