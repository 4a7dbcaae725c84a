"""`fraud redrive`: dead letters back to where they came from."""

from typing import Annotated

import typer

from fraud.machine.console import Console
from fraud.settings import load_settings


def redrive(
    reason_contains: Annotated[str, typer.Option(help="Only letters whose reason has this text.")] = "",
    most: Annotated[int | None, typer.Option("--max", min=1, help="At most so many.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
    labels: Annotated[bool, typer.Option("--labels", help="The labels' dead letters.")] = False,
) -> None:
    """The command `fraud redrive`; `deployments.cli.commands` has its summary."""
    from producer.redrive import RedriveRequest, redrive

    report = redrive(load_settings(), RedriveRequest(reason_contains, most, dry_run, labels))
    verb = "would go back" if dry_run else "went back"
    Console().print(f"{report.redriven:,} dead letters {verb}, {report.left:,} were left")
