"""`fraud down`: stop the embedded stack."""

from rich.console import Console

from deployments.local.dashboard import LocalDashboard
from deployments.local.gateway import LocalGateway
from deployments.local.stack import Stack
from fraud.settings import load_settings


def down() -> None:
    """The command `fraud down`; `deployments.cli.commands` has its summary."""
    home = load_settings().home
    stopped = [one.name for one in (LocalGateway(home), LocalDashboard(home)) if one.stop()]
    stopped += Stack(home).stop()
    Console().print(f"stopped {', '.join(stopped)}" if stopped else "nothing ran")
