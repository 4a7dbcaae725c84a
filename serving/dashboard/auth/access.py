"""Logging in and out, and what each request must carry: a session, a role, a CSRF token."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboard.auth.accounts import Role, User
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.audit import add_audit_entry

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body cannot be read"},
    401: {"description": "log in first"},
    403: {"description": "the role or the CSRF token does not suffice, or the request is from another site"},
    429: {"description": "too often"},
}
router = APIRouter(prefix="/api", responses=REFUSALS)


def require_number(value: object) -> object:
    """For numbers of bodies: pydantic would take texts and truth values, too, which no schema allows.

    Raises:
        ValueError: it is one of these.
    """
    if isinstance(value, str | bool):
        raise ValueError("a number is needed")  # noqa: TRY004 - what pydantic reports
    return value


class RequestBody(BaseModel):
    """The JSON body of a request; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Credentials(RequestBody):
    """A name and its password."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


def cookie_name(context: AppContext) -> str:
    """The session cookie; with TLS a name that browsers accept from this host only."""
    return "__Host-fraud" if context.settings.dashboard.behind_tls else "fraud"


def session_of(request: Request, context: Context) -> Session:
    """The session of the request's cookie; HTTP 401 without one."""
    session = context.sessions.find(request.cookies.get(cookie_name(context), ""))
    if session is None:
        raise HTTPException(401, "log in first")
    return session


SessionOf = Annotated[Session, Depends(session_of)]


def may_change(role: Role) -> Callable[..., Session]:
    """A dependency for changes: a session of this role, and its token in `X-CSRF-Token`."""

    def check(session: SessionOf, x_csrf_token: Annotated[str, Header()] = "") -> Session:
        if not session.confirms(x_csrf_token):
            raise HTTPException(403, "the request does not carry the session's CSRF token")
        return _require_role(session, role)

    return check


def may_read(role: Role) -> Callable[..., Session]:
    """A dependency for reading: a session of this role."""

    def check(session: SessionOf) -> Session:
        return _require_role(session, role)

    return check


def _require_role(session: Session, role: Role) -> Session:
    if not session.user.may(role):
        raise HTTPException(403, f"this takes the role {role}; yours is {session.user.role}")
    return session


@router.post("/login")
def log_in(
    credentials: Credentials, request: Request, response: Response, context: Context
) -> dict[str, Any]:
    """Open a session; tries are limited by name and by address."""
    address, limits = client_address(request), context.limits
    if not (limits.logins_by_address.take(address) and limits.logins_by_name.take(credentials.name)):
        raise HTTPException(429, "too many tries; wait a minute", {"Retry-After": "60"})
    user = context.accounts.log_in(credentials.name, credentials.password)
    with context.store.write_transaction() as connection:
        # An unknown name may be a password in the wrong field.
        name = credentials.name if credentials.name in context.accounts.users() else "(unknown)"
        add_audit_entry(connection, name, "login" if user else "login refused", address, {})
    if user is None:
        raise HTTPException(401, "name or password is wrong")
    limits.logins_by_name.clear(credentials.name)
    return _session_fields(open_session(context, user, response))


def open_session(context: AppContext, user: User, response: Response) -> Session:
    """Open a session and set its cookie on the response."""
    token = context.sessions.open(user)
    response.set_cookie(
        cookie_name(context),
        token,
        max_age=round(context.settings.dashboard.session_length.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=context.settings.dashboard.behind_tls,
    )
    session = context.sessions.find(token)
    assert session is not None
    return session


def client_address(request: Request) -> str:
    """The address that the request came from; empty if it is unknown."""
    return request.client.host if request.client else ""


@router.post("/logout", status_code=204)
def log_out(
    request: Request,
    response: Response,
    context: Context,
    _: Annotated[Session, Depends(may_change("viewer"))],
) -> None:
    """End the session."""
    name = cookie_name(context)
    context.sessions.close(request.cookies.get(name, ""))
    response.delete_cookie(
        name, httponly=True, samesite="strict", secure=context.settings.dashboard.behind_tls
    )


@router.get("/me")
def current_user(session: SessionOf) -> dict[str, Any]:
    """Who is logged in, and the CSRF token that changes must carry."""
    return _session_fields(session)


def _session_fields(session: Session) -> dict[str, Any]:
    return {"name": session.user.name, "role": session.user.role, "csrf": session.csrf}
