"""`fraud doctor`: is everything there that the system needs?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from deployments.local.checks import check_machine, check_parts
from fraud.health_checks import Finding, check_environment
from fraud.machine.console import Console
from fraud.machine.printing import print_json
from fraud.machine.terminal import shown
from fraud.settings import Settings, load_settings

_TIMEOUT_S = 3.0


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
) -> None:
    """The command `fraud doctor`; `deployments.cli.commands` has its summary."""
    findings = examine(load_settings())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be checked from here; with a short timeout for a silent broker."""
    kafka = settings.kafka.model_copy(update={"request_timeout_s": _TIMEOUT_S})
    impatient = settings.model_copy(update={"kafka": kafka})
    with ThreadPoolExecutor(3) as pool:
        checks = (check_environment, check_machine, check_parts)
        groups = [pool.submit(check, impatient) for check in checks]
        return [finding for group in groups for finding in group.result()]


def _print_findings(findings: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
        remedy = f" [yellow]→ {escape(finding.remedy)}[/]" if finding.remedy else ""
        console.print(f"{mark} {finding.name:<{width}}  {escape(shown(finding.detail))}{remedy}")
