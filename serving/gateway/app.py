"""The gateway's web application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from fraud.settings import LOOPBACK_HOSTS
from serving.gateway.api import decisions, health, reviews
from serving.gateway.api.middleware import GatewayMiddleware
from serving.gateway.api.openapi import describe
from serving.gateway.api.responses import error_response
from serving.gateway.auth.callers import RefusedCallerError
from serving.gateway.context import GatewayContext, context_of
from serving.loopback import LoopbackGuard

_WAIT = {"Retry-After": "10"}
_DESCRIPTION = "A payment's decision while it is authorised, and labels of payments."


def create_app(context: GatewayContext) -> FastAPI:
    """The application of a context, which starts and stops with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.start()
        try:
            yield
        finally:
            await context.stop()

    app = FastAPI(
        title="Fraud gateway",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        redoc_url=None,
        # It would send callers to whatever host they named.
        redirect_slashes=False,
    )
    app.state.context = context
    # First, and without FastAPI's way to a route, which takes as long as all that is done for a decision.
    app.router.routes.insert(0, Route("/v1/decisions", decisions.DecideEndpoint(), methods=["POST"]))
    for router in (decisions.router, reviews.router, health.router):
        app.include_router(router)
    app.add_exception_handler(RefusedCallerError, _refuse_caller)
    app.add_exception_handler(HTTPException, _refuse_request)
    app.add_exception_handler(ClientDisconnect, _end_request)
    app.add_middleware(GatewayMiddleware, context=context)
    gateway = context.settings.gateway
    if gateway.host in LOOPBACK_HOSTS:
        app.add_middleware(LoopbackGuard, hosts=gateway.allowed_hosts)
    describe(app, context.settings)
    return app


def _refuse_caller(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedCallerError)
    if error.status == HTTPStatus.UNAUTHORIZED and not context_of(request).note_stranger(request.scope):
        return error_response(429, "too many tries without a valid key or token", headers=_WAIT)
    return error_response(error.status, str(error), headers=error.headers)


def _refuse_request(_: Request, error: Exception) -> Response:
    """Of a path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    text = HTTPStatus(error.status_code).phrase.lower()
    return error_response(error.status_code, text, headers=error.headers)


def _end_request(_: Request, error: Exception) -> Response:
    """Of a client that left before its body had arrived: nobody reads the response."""
    return error_response(HTTPStatus.BAD_REQUEST, "the request has no end")
