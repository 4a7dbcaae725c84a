"""Logging in and out, and what each request must show: a session, a role, a token against forgery."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboard.api.reviews import audit
from serving.dashboard.auth.accounts import Role, User
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import Parts

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body cannot be read"},
    401: {"description": "log in first"},
    403: {"description": "the role or the token does not suffice, or the request comes from another site"},
    429: {"description": "too often"},
}
router = APIRouter(prefix="/api", responses=REFUSALS)


class Body(BaseModel):
    """What a request brings; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Credentials(Body):
    """A name and its password."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


def parts_of(request: Request) -> Parts:
    """The dashboard that the request came to."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]


def cookie_name(parts: Parts) -> str:
    """With TLS, a name that browsers accept from this very host alone."""
    return "__Host-fraud" if parts.settings.dashboard.behind_tls else "fraud"


def session_of(request: Request, parts: PartsOf) -> Session:
    """Raises 401 for somebody who is not logged in."""
    session = parts.sessions.find(request.cookies.get(cookie_name(parts), ""))
    if session is None:
        raise HTTPException(401, "log in first")
    return session


SessionOf = Annotated[Session, Depends(session_of)]


def needs(role: Role) -> Callable[..., Session]:
    """A dependency for changes: a session of this role, and its token in `X-CSRF-Token`."""

    def check(session: SessionOf, x_csrf_token: Annotated[str, Header()] = "") -> Session:
        if not session.confirms(x_csrf_token):
            raise HTTPException(403, "the request does not show the session's token")
        if not session.user.may(role):
            raise HTTPException(403, f"this takes the role {role}; yours is {session.user.role}")
        return session

    return check


def only(role: Role) -> Callable[..., Session]:
    """A dependency for reading: a session of this role."""

    def check(session: SessionOf) -> Session:
        if not session.user.may(role):
            raise HTTPException(403, f"this takes the role {role}; yours is {session.user.role}")
        return session

    return check


@router.post("/login")
def log_in(credentials: Credentials, request: Request, response: Response, parts: PartsOf) -> dict[str, Any]:
    """Open a session; tries are limited by name and by address."""
    address = request.client.host if request.client else ""
    if not (parts.logins_by_address.take(address) and parts.logins_by_name.take(credentials.name)):
        raise HTTPException(429, "too many tries; wait a minute", {"Retry-After": "60"})
    user = parts.accounts.log_in(credentials.name, credentials.password)
    with parts.store.desk() as desk:
        # What is no user's name may be a password in the wrong field.
        name = credentials.name if credentials.name in parts.accounts.users() else "(unknown)"
        audit(desk, name, "login" if user else "login refused", address, {})
    if user is None:
        raise HTTPException(401, "name or password is wrong")
    parts.logins_by_name.clear(credentials.name)
    return _told(open_session(parts, user, response))


def open_session(parts: Parts, user: User, response: Response) -> Session:
    """Begin a session, whose cookie goes with the response."""
    token = parts.sessions.open(user)
    response.set_cookie(
        cookie_name(parts),
        token,
        max_age=round(parts.settings.dashboard.session_length.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=parts.settings.dashboard.behind_tls,
    )
    session = parts.sessions.find(token)
    assert session is not None
    return session


@router.post("/logout", status_code=204)
def log_out(
    request: Request, response: Response, parts: PartsOf, _: Annotated[Session, Depends(needs("viewer"))]
) -> None:
    """End the session."""
    name = cookie_name(parts)
    parts.sessions.close(request.cookies.get(name, ""))
    response.delete_cookie(name, httponly=True, samesite="strict", secure=parts.settings.dashboard.behind_tls)


@router.get("/me")
def who_am_i(session: SessionOf) -> dict[str, Any]:
    """Who is logged in, and the token that changes must show."""
    return _told(session)


def _told(session: Session) -> dict[str, Any]:
    return {"name": session.user.name, "role": session.user.role, "csrf": session.csrf}
