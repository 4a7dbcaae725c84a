"""`fraud up`: start the embedded stack."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from deployments.cli.status import status_table
from deployments.local.stack import NAMES, Stack
from fraud.kafka import create_topics
from fraud.settings import load_settings

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="Default: the usual one, or a free one.")]


def up(kafka_port: Port = None, mlflow_port: Port = None, prefect_port: Port = None) -> None:
    """Start Kafka, MLflow and Prefect, or what is missing of them."""
    asked = {"Kafka": kafka_port, "MLflow": mlflow_port, "Prefect": prefect_port}
    ports = {name: port for name, port in asked.items() if port is not None}
    console, home = Console(), load_settings().home
    with console.status("starting") as status:
        began = time.monotonic()
        waiting = set(NAMES)

        def ready(name: str) -> None:
            waiting.discard(name)
            console.print(f"[green]✓[/] {name} after {time.monotonic() - began:.1f} s")
            status.update(f"waiting for {' and '.join(sorted(waiting))}")

        stack = Stack(home, lambda there, of: _show_jars(status, there, of))
        started = stack.start(ports, ready)
    if not started:
        console.print("everything runs already")
    _create_topics(console, stack)
    console.print(status_table(stack.status()))
    console.print('[dim]`eval "$(fraud env)"` tells other programs where it is; `fraud down` ends it.[/]')


def _show_jars(status: Status, there: int, of: int) -> None:
    status.update(f"fetching Kafka: {there} of {of} jars (once)")


def _create_topics(console: Console, stack: Stack) -> None:
    settings = load_settings()
    named, ours = settings.kafka.bootstrap_servers, stack.addresses()["FRAUD_KAFKA__BOOTSTRAP_SERVERS"]
    if named != ours:
        console.print(f"[yellow]FRAUD_KAFKA__BOOTSTRAP_SERVERS names {named}, so this Kafka is left empty[/]")
        return
    created = create_topics(settings)
    if created:
        console.print(f"[green]✓[/] topics created: {', '.join(created)}", highlight=False)
