"""`fraud policy sign`: a log of policies that is older than the first key."""

from typing import Annotated

import typer

from deployments.cli.decisions.options import As, person
from fraud.machine.console import Console
from fraud.machine.terminal import shown
from fraud.settings import load_settings


def sign(note: Annotated[str, typer.Option(help="Why; kept in the log.")] = "", by: As = None) -> None:
    """Vouch for all events so far, which were written before there was a key; once."""
    from fraud.decisions.log.publishing import sign_log

    state = sign_log(load_settings(), person(by), note)
    text = f"the log is signed: {state.position - 1} events before it count as if each were"
    Console(soft_wrap=True, highlight=False).print(shown(text), markup=False)
