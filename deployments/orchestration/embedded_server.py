"""The Prefect server of the embedded stack: without a password, so for this machine's own clients only."""

from starlette.types import ASGIApp

from serving.loopback import LoopbackGuard


def create_app() -> ASGIApp:
    """Prefect's own application behind the guard, for uvicorn's `--factory`."""
    from prefect.server.api.server import create_app as create_prefect_app

    return LoopbackGuard(create_prefect_app(final=True))
