"""`fraud down`: stop the embedded stack."""

from rich.console import Console

from deployments.local.dashboard import NAME, LocalDashboard
from deployments.local.stack import Stack
from fraud.settings import load_settings


def down() -> None:
    """The command `fraud down`; `deployments.cli.commands` has its summary."""
    home = load_settings().home
    stopped = [NAME] if LocalDashboard(home).stop() else []
    stopped += Stack(home).stop()
    Console().print(f"stopped {', '.join(stopped)}" if stopped else "nothing ran")
