"""Logging in by the company's own OpenID Connect: out to the issuer, and back with an answer."""

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from serving.dashboard.api.reviews import audit
from serving.dashboard.auth.access import PartsOf, open_session
from serving.dashboard.auth.oidc import LoginRefusedError
from serving.dashboard.auth.pending_logins import PATIENCE_S, Challenge
from serving.dashboard.context import Parts
from serving.dashboard.middleware.hosts import parse_host

_PAGE_TELLS: dict[int | str, dict[str, Any]] = {
    303: {"description": "onwards"},
    **{
        status: {"description": "a page that says why", "content": {"text/html": {}}}
        for status in (403, 404, 429, 502)
    },
}
router = APIRouter(prefix="/api")

_RETURN = "/api/oidc/return"
_Text = Annotated[str, Query(max_length=4_096)]


@router.get("/login")
def ways(parts: PartsOf) -> dict[str, Any]:
    """How one may log in, for the login page."""
    oidc = parts.settings.dashboard.oidc
    return {"issuer": oidc.button if oidc.issuer else None}


@router.get("/oidc/login", response_class=HTMLResponse, status_code=303, responses=_PAGE_TELLS)
def begin(request: Request, parts: PartsOf) -> Response:
    """Off to the issuer."""
    if parts.issuer is None:
        return _page("There is no login by OpenID Connect here.", 404)
    if not parts.logins_by_address.take(_address(request)):
        return _page("Too many tries; wait a minute.", 429)
    challenge = Challenge.fresh(_return_url(request, parts))
    state, browser = parts.pending.begin(challenge)
    try:
        target = parts.issuer.begin(state, challenge)
    except LoginRefusedError as error:
        return _page(str(error), 502)
    answer = RedirectResponse(target, 303)
    # Lax: the browser comes back from another site, by following a link as it were.
    answer.set_cookie(
        _cookie(parts), browser, max_age=PATIENCE_S, httponly=True, samesite="lax",
        secure=parts.settings.dashboard.behind_tls,
    )  # fmt: skip
    return answer


@router.get("/oidc/return", response_class=HTMLResponse, status_code=303, responses=_PAGE_TELLS)
def finish(
    request: Request, parts: PartsOf, state: _Text = "", code: _Text = "", error: _Text = "", iss: _Text = ""
) -> Response:
    """Back from the issuer: a session, or a page that says why there is none."""
    if parts.issuer is None:
        return _page("There is no login by OpenID Connect here.", 404)
    challenge = parts.pending.take(state, request.cookies.get(_cookie(parts), ""))
    if challenge is None:
        return _page("This login was not begun here, or too long ago; begin anew.", 403)
    if error or not code:
        return _refused(parts, request, "The issuer did not let you in.")
    if iss and iss != parts.settings.dashboard.oidc.issuer:
        return _refused(parts, request, "The answer comes from another issuer.")
    try:
        user = parts.issuer.finish(code, challenge)
    except LoginRefusedError as refusal:
        return _refused(parts, request, str(refusal))
    if user.name in parts.accounts.users():
        return _refused(parts, request, f"{user.name} is the name of one who logs in with a password.")
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(_cookie(parts), httponly=True, samesite="lax", secure=_secure(parts))
    open_session(parts, user, answer)
    with parts.store.desk() as desk:
        audit(desk, user.name, "login", _address(request), {"role": user.role})
    return answer


def _return_url(request: Request, parts: Parts) -> str:
    """Of this dashboard, under the name that the browser uses and the guard has let through."""
    scheme, host = "https" if _secure(parts) else "http", parse_host(request.headers["host"])
    assert host is not None, "the guard lets no other through"
    return f"{scheme}://{host.written_for(scheme)}{_RETURN}"


def _cookie(parts: Parts) -> str:
    return "__Host-fraud-login" if _secure(parts) else "fraud-login"


def _secure(parts: Parts) -> bool:
    return parts.settings.dashboard.behind_tls


def _refused(parts: Parts, request: Request, reason: str) -> Response:
    """An answer of the issuer to a login that was begun here, of which the audit must know."""
    with parts.store.desk() as desk:
        audit(desk, "(unknown)", "login refused", _address(request), {"reason": reason})
    return _page(reason, 403)


def _page(reason: str, status: int) -> Response:
    return HTMLResponse(_PAGE.format(reason=escape(reason)), status)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Not logged in · Fraud desk</title>
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
