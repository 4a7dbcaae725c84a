"""The two requests of a login by OpenID Connect: to the issuer, and back with its answer."""

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from serving.dashboard.auth.accounts import User
from serving.dashboard.auth.login_routes import UNKNOWN, audit, client_address, open_session
from serving.dashboard.auth.oidc.issuer import LoginRefusedError, OidcPerson
from serving.dashboard.auth.oidc.pending_logins import TIMEOUT_S
from serving.dashboard.context import AppContext, Context
from serving.dashboard.middleware.hosts import parse_host

_RESPONSES: dict[int | str, dict[str, Any]] = {
    303: {"description": "the next address"},
    **{
        status: {"description": "a page with the reason", "content": {"text/html": {}}}
        for status in (403, 404, 429, 502)
    },
}
router = APIRouter(prefix="/api")

_NOT_CONFIGURED = "There is no login by OpenID Connect here."
_RETURN = "/api/oidc/return"
_Text = Annotated[str, Query(max_length=4_096)]


@router.get("/oidc/login", response_class=HTMLResponse, status_code=303, responses=_RESPONSES)
def start_login(request: Request, context: Context) -> Response:
    """Send the browser to the issuer."""
    if context.issuer is None:
        return _page(_NOT_CONFIGURED, 404)
    if not context.limits.logins_by_address.take(client_address(request)):
        return _page("Too many tries; wait a minute.", 429)
    try:
        target, state, secrets = context.issuer.start(_return_url(request, context))
    except LoginRefusedError as error:
        return _page(str(error), 502)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        _cookie(context),
        context.pending_logins.add(state, secrets),
        max_age=TIMEOUT_S,
        httponly=True,
        samesite="lax",  # the browser comes back from another site by a redirect
        secure=_secure(context),
    )
    return response


@router.get("/oidc/return", response_class=HTMLResponse, status_code=303, responses=_RESPONSES)
def finish_login(
    request: Request,
    context: Context,
    state: _Text = "",
    code: _Text = "",
    error: _Text = "",
    iss: _Text = "",
) -> Response:
    """Take the issuer's answer: open a session, or show a page with the reason why not."""
    if context.issuer is None:
        return _page(_NOT_CONFIGURED, 404)
    secrets = context.pending_logins.take(state, request.cookies.get(_cookie(context), ""))
    if secrets is None:
        return _page("This login was not started here, or too long ago; start again.", 403)
    if error or not code:
        return _refuse(context, request, "The issuer did not let you in.")
    if iss and iss != context.settings.dashboard.oidc.issuer:
        return _refuse(context, request, "The answer comes from another issuer.")
    try:
        person = context.issuer.finish(code, secrets)
    except LoginRefusedError as refusal:
        return _refuse(context, request, str(refusal))
    name = context.oidc_names.name_of(
        context.settings.dashboard.oidc.issuer or "", person.subject, person.name
    )
    if name.casefold() in {one.casefold() for one in context.accounts.users()}:
        return _refuse(context, request, f"{name} is the name of a user who logs in with a password.")
    return _let_in(context, request, person, name)


def _let_in(context: AppContext, request: Request, person: OidcPerson, name: str) -> Response:
    response = RedirectResponse("/", 303)
    response.delete_cookie(_cookie(context), httponly=True, samesite="lax", secure=_secure(context))
    open_session(context, User(name, person.role, ""), request, response)
    detail = {"role": person.role, "subject": person.subject, "called": person.name}
    audit(context, name, "login", client_address(request), **detail)
    return response


def _refuse(context: AppContext, request: Request, reason: str) -> Response:
    """The page for an answer of the issuer that is not accepted; the audit has a line."""
    audit(context, UNKNOWN, "login refused", client_address(request), reason=reason)
    return _page(reason, 403)


def _return_url(request: Request, context: AppContext) -> str:
    """The address of `finish_login` under the host name that the browser uses."""
    scheme, host = "https" if _secure(context) else "http", parse_host(request.headers["host"])
    assert host is not None, "SecurityMiddleware lets no other through"
    return f"{scheme}://{host.format_for(scheme)}{_RETURN}"


def _cookie(context: AppContext) -> str:
    return "__Host-fraud-login" if _secure(context) else "fraud-login"


def _secure(context: AppContext) -> bool:
    return context.settings.dashboard.behind_tls


def _page(reason: str, status: int) -> Response:
    return HTMLResponse(_PAGE.format(reason=escape(reason)), status)


_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Not logged in · Fraud dashboard</title>
    <link rel="icon" href="/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/app.css" />
  </head>
  <body>
    <main class="login">
      <div class="refused">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>Not logged in</h1>
        <p role="alert">{reason}</p>
        <p><a href="/">Back to the login</a></p>
      </div>
    </main>
  </body>
</html>
"""
