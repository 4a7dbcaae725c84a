"""`fraud env`: the addresses of the embedded stack as shell variables."""

import shlex

import typer

from deployments.local.stack import Stack
from fraud.machine.proxies import direct_environment
from fraud.settings import load_settings


def env() -> None:
    """The command `fraud env`; `deployments.cli.commands` has its summary."""
    stack = Stack(load_settings().home)
    for name, value in ({"FRAUD_HOME": str(stack.home)} | stack.addresses() | direct_environment()).items():
        typer.echo(f"export {name}={shlex.quote(value)}")
