"""`fraud webhooks`: outcomes to your own HTTP endpoints."""

from typing import Annotated

import typer

from fraud.machine.terminal import log_to_stderr
from fraud.settings import load_settings


def webhooks(
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Print a secret for an endpoint, and end.")
    ] = False,
) -> None:
    """The command `fraud webhooks`; `deployments.cli.commands` has its summary."""
    from serving.webhooks.run import run
    from serving.webhooks.signing import new_secret as make_secret

    if new_secret:
        typer.echo(make_secret())
        return
    log_to_stderr()
    run(load_settings())
