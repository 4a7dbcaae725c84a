"""`fraud topics`: Kafka's topics."""

import typer
from rich.console import Console

from fraud.kafka import create_topics, topic_plans
from fraud.settings import load_settings


def topics() -> None:
    """Create Kafka's topics."""


app = typer.Typer(callback=topics, no_args_is_help=True, add_completion=False)


@app.command()
def create() -> None:
    """Create the topics that are missing, on any Kafka; existing ones are left as they are."""
    settings = load_settings()
    created = set(create_topics(settings))
    for plan in topic_plans(settings):
        details = ", ".join(f"{name}={value}" for name, value in plan.config.items())
        mark = "[green]created[/]" if plan.name in created else "[dim]there already[/]"
        Console().print(f"{plan.name}: {mark} [dim]({details})[/]", highlight=False)
