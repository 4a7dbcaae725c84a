"""`fraud topics`: Kafka's topics."""

import typer
from rich.markup import escape

from fraud.errors import FraudError
from fraud.kafka.topic_checks import check_topics, plan_differences
from fraud.kafka.topics import create_topics, topic_plans
from fraud.machine.console import Console
from fraud.settings import Settings, load_settings


def topics() -> None:
    """The command `fraud topics`; `deployments.cli.commands` has its summary."""


app = typer.Typer(callback=topics, no_args_is_help=True, add_completion=False)


@app.command()
def create() -> None:
    """Create the topics that are missing, on any Kafka; existing ones are left, and what differs is said."""
    settings, console = load_settings(), Console(soft_wrap=True, highlight=False)
    created = set(create_topics(settings))
    for plan in topic_plans(settings):
        details = ", ".join(f"{name}={value}" for name, value in (plan.config | plan.optional).items())
        mark = "[green]created[/]" if plan.name in created else "[dim]there already[/]"
        console.print(f"{plan.name}: {mark} [dim]({details})[/]")
    if len(created) < len(topic_plans(settings)):
        _print_differences(settings, console)


def _print_differences(settings: Settings, console: Console) -> None:
    try:
        differences, findings = plan_differences(settings), check_topics(settings)
    except FraudError as error:
        console.print(f"[yellow]What differs is not known:[/] {escape(str(error))}")
        return
    for topic, differing in differences.items():
        if differing:
            console.print(f"{topic}: [yellow]differs[/], it has {escape(', '.join(differing))}")
    for finding in findings:
        command = finding.command(settings)
        remedy = f" [yellow]→ {escape(command)}[/]" if command else ""
        console.print(f"[yellow]{finding.level}[/]: {escape(str(finding))}{remedy}")
