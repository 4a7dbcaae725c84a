"""The dashboard as a process beside the embedded stack."""

from collections.abc import Mapping
from typing import ClassVar

from deployments.local.added import AddedServer


class LocalDashboard(AddedServer):
    """The dashboard of one home."""

    name = "Dashboard"
    command = "dashboard"
    health = "/health"
    # No schedule of Prefect's is there to make them.
    environment: ClassVar[Mapping[str, str]] = {"FRAUD_DASHBOARD__MAKES_REPORTS": "true"}
