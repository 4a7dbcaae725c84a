"""The web application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serving.dashboard.api import cases, insights, lists, policies, what_ifs
from serving.dashboard.api.find import filtered_alerts
from serving.dashboard.api.find import routes as find
from serving.dashboard.auth import login_routes
from serving.dashboard.auth.oidc import routes as oidc_routes
from serving.dashboard.cases import routes as case_routes
from serving.dashboard.cases.conflicts import answer_conflicts
from serving.dashboard.context import AppContext
from serving.dashboard.middleware.card_masking import CardMaskingMiddleware
from serving.dashboard.middleware.client_address import ClientAddressMiddleware
from serving.dashboard.middleware.error_responses import hide_input_in_errors
from serving.dashboard.middleware.security import SecurityMiddleware
from serving.dashboard.records import reveal
from serving.dashboard.records import routes as records

ROUTERS = (
    login_routes.router,
    oidc_routes.router,
    cases.router,
    case_routes.router,
    insights.router,
    policies.router,
    lists.router,
    what_ifs.router,
    find.router,
    filtered_alerts.router,
    records.router,
    reveal.router,
)
_STATIC = Path(__file__).parent / "static"


class PageFiles(StaticFiles):
    """The built page, which browsers keep but ask for again: a new release is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the page, or that the browser's copy is still good."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(context: AppContext) -> FastAPI:
    """The application of a context, which starts and stops with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.hub.open(asyncio.get_running_loop())
        context.start()
        try:
            yield
        finally:
            await asyncio.to_thread(context.stop)

    app = FastAPI(title="Fraud dashboard", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = context
    hide_input_in_errors(app)
    answer_conflicts(app)
    for router in ROUTERS:
        app.include_router(router)

    @app.get("/health")
    def health() -> dict[str, bool]:
        """Whether the process answers; the page shows the state of Kafka."""
        return {"ok": True}

    app.mount("/", GZipMiddleware(PageFiles(directory=_STATIC, html=True)))
    dashboard = context.settings.dashboard
    app.add_middleware(CardMaskingMiddleware)
    app.add_middleware(SecurityMiddleware, hosts=dashboard.allowed_hosts, behind_tls=dashboard.behind_tls)
    app.add_middleware(ClientAddressMiddleware, proxies=dashboard.proxies, behind_tls=dashboard.behind_tls)
    return app
