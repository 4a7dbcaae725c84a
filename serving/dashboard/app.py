"""The web application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from serving.dashboard.api import cases, insights
from serving.dashboard.assets import load_assets
from serving.dashboard.auth import access, oidc_routes
from serving.dashboard.context import Parts
from serving.dashboard.middleware.error_responses import answer_without_echo
from serving.dashboard.middleware.security import Guard

ROUTERS = (access.router, oidc_routes.router, cases.router, insights.router)


def make_app(parts: Parts) -> FastAPI:
    """The application around its parts, which live as long as it does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.hub.open(asyncio.get_running_loop())
        parts.start()
        try:
            yield
        finally:
            await asyncio.to_thread(parts.stop)

    app = FastAPI(title="Fraud dashboard", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.parts = parts
    answer_without_echo(app)
    for router in ROUTERS:
        app.include_router(router)
    assets = load_assets()

    @app.get("/health")
    def health() -> dict[str, bool]:
        """Whether the page can be had; the page itself tells how Kafka is."""
        return {"ok": True}

    @app.get("/{name:path}")
    def page(name: str, request: Request) -> Response:
        """The built page."""
        asset = assets.get(name or "index.html")
        return asset.answer(request) if asset else Response("there is nothing here", 404)

    dashboard = parts.settings.dashboard
    app.add_middleware(Guard, hosts=dashboard.allowed_hosts, behind_tls=dashboard.behind_tls)
    return app
