"""`fraud up`: start the embedded stack."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status

from deployments.cli.decisions.gateway import print_first_key
from deployments.cli.stack.dashboard import print_first_password
from deployments.cli.stack.status import status_table
from deployments.local.dashboard import LocalDashboard
from deployments.local.gateway import LocalGateway
from deployments.local.stack import Stack
from fraud.errors import ConfigurationError
from fraud.kafka.topics import create_topics
from fraud.machine.console import Console
from fraud.machine.proxies import is_loopback
from fraud.settings import EMBEDDED_BROKERS, Settings, load_settings

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="Default: the usual one, or a free one.")]


def up(
    kafka_port: Port = None,
    mlflow_port: Port = None,
    prefect_port: Port = None,
    dashboard: Annotated[bool, typer.Option(help="Start the web dashboard too.")] = True,
    gateway: Annotated[bool, typer.Option(help="Start the gateway: decisions over HTTP.")] = False,
    brokers: Annotated[
        int | None, typer.Option(help="Of Kafka: 1 or 3. Default: as the home was made; 1 in a new one.")
    ] = None,
) -> None:
    """The command `fraud up`; `deployments.cli.commands` has its summary."""
    asked = {"Kafka": kafka_port, "MLflow": mlflow_port, "Prefect": prefect_port}
    ports = {name: port for name, port in asked.items() if port is not None}
    console, settings = Console(), _with_brokers(load_settings(), brokers)
    home = settings.home
    with console.status("starting") as status:
        started_at = time.monotonic()
        waiting: set[str] = set()

        def ready(name: str) -> None:
            waiting.discard(name)
            console.print(f"[green]✓[/] {name} after {time.monotonic() - started_at:.1f} s")
            status.update(f"waiting for {' and '.join(sorted(waiting))}")

        stack = Stack(
            home,
            lambda there, of: _show_jars(status, there, of),
            settings.spark.java_home,
            settings.kafka.embedded_brokers,
        )
        waiting |= set(stack.names)
        started = stack.start(ports, ready)
    if not started:
        console.print("everything runs already")
    _create_topics(console, stack)
    console.print(status_table(stack.status()))
    if dashboard:
        _start_dashboard(console, home)
    if gateway:
        _start_gateway(console, home)
    console.print(
        '[dim]`eval "$(fraud env)"` prints its addresses for other programs; `fraud down` stops it.[/]'
    )


def _with_brokers(settings: Settings, brokers: int | None) -> Settings:
    if brokers is None:
        return settings
    if brokers not in EMBEDDED_BROKERS:
        raise ConfigurationError(
            f"--brokers {brokers}: Kafka runs with 1 or 3 brokers here; name one of these"
        )
    kafka = settings.kafka.model_copy(update={"embedded_brokers": brokers})
    return settings.model_copy(update={"kafka": kafka})


def _start_dashboard(console: Console, home: Path) -> None:
    settings = load_settings()
    print_first_password(settings, console)
    with console.status("starting the dashboard"):
        address = LocalDashboard(home).start(settings.dashboard.port)
    console.print(f"[green]✓[/] dashboard at {address}", highlight=False)


def _start_gateway(console: Console, home: Path) -> None:
    settings = load_settings()
    print_first_key(settings, console)
    with console.status("starting the gateway"):
        address = LocalGateway(home).start(settings.gateway.port)
    console.print(f"[green]✓[/] gateway at {address}, described at {address}/docs", highlight=False)


def _show_jars(status: Status, there: int, of: int) -> None:
    status.update(f"fetching Kafka: {there} of {of} jars (once)")


def _create_topics(console: Console, stack: Stack) -> None:
    settings = load_settings()
    named, ours = settings.kafka.bootstrap_servers, stack.addresses()["FRAUD_KAFKA__BOOTSTRAP_SERVERS"]
    if named != ours:
        console.print(_other_kafka(named), style="yellow", soft_wrap=True)
        if not _is_local(named):
            return
        kafka = settings.kafka.model_copy(update={"bootstrap_servers": ours})
        settings = settings.model_copy(update={"kafka": kafka})
    created = create_topics(settings)
    if created:
        console.print(f"[green]✓[/] topics created: {', '.join(created)}", highlight=False)


def _other_kafka(named: str) -> str:
    """What to do about a variable that another home's `fraud env` may have set in this shell."""
    if _is_local(named):
        return f'this shell names the Kafka at {named}: `eval "$(fraud env)"` names this one'
    return f"FRAUD_KAFKA__BOOTSTRAP_SERVERS names {named}, so this Kafka is left empty"


def _is_local(servers: str) -> bool:
    return all(is_loopback(server.rpartition(":")[0]) for server in servers.split(","))
