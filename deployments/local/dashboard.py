"""The dashboard as a process beside the embedded stack."""

from deployments.local.added import AddedServer


class LocalDashboard(AddedServer):
    """The dashboard of one home."""

    name = "Dashboard"
    command = "dashboard"
    health = "/health"
