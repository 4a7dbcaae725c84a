"""The gateway as a process beside the embedded stack."""

from deployments.local.added import AddedServer


class LocalGateway(AddedServer):
    """The gateway of one home."""

    name = "Gateway"
    command = "gateway"
    health = "/live"
