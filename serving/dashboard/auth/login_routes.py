"""Logging in and out, and changing the own password."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import Field

from fraud.errors import ConfigurationError
from serving.dashboard.auth.access import (
    REFUSALS,
    AnySession,
    ConfirmedSession,
    RequestBody,
    cookie_name,
    session_token,
)
from serving.dashboard.auth.accounts import User
from serving.dashboard.auth.passwords import MAX_PASSWORD_LENGTH, TooManyLoginsError
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context
from serving.dashboard.feed.audit import add_audit_entry

router = APIRouter(prefix="/api", responses=REFUSALS)
UNKNOWN = "(unknown)"
"""In the audit: an unknown name may be a password in the wrong field."""

_Password = Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
_Answers = dict[int | str, dict[str, Any]]
_BUSY: _Answers = {503: {"description": "too many passwords are being checked"}}
_NO_PASSWORDS: _Answers = {404: {"description": "nobody logs in with a password here"}}
_NOT_ALLOWED: _Answers = {409: {"description": "the new password is not allowed"}}


class Credentials(RequestBody):
    """A name and its password."""

    name: str = Field(min_length=1, max_length=64)
    password: _Password


class PasswordChange(RequestBody):
    """The present password, and the one that replaces it."""

    password: _Password
    new: _Password


@router.get("/login")
def login_methods(context: Context) -> dict[str, Any]:
    """How one may log in, for the login page."""
    dashboard = context.settings.dashboard
    issuer = dashboard.oidc.button if dashboard.oidc.issuer else None
    return {"issuer": issuer, "password": dashboard.password_login}


@router.post("/login", responses=_NO_PASSWORDS | _BUSY)
def log_in(
    credentials: Credentials, request: Request, response: Response, context: Context
) -> dict[str, Any]:
    """Open a session; tries are limited by name and by address, and lock both when too many fail."""
    if not context.settings.dashboard.password_login:
        raise HTTPException(404, "nobody logs in with a password here; use the company's login")
    user = check_password(context, credentials.name, credentials.password, client_address(request))
    if user is None:
        raise HTTPException(401, "name or password is wrong")
    audit(context, user.name, "login", client_address(request))
    return session_fields(open_session(context, user, request, response))


@router.post("/password", responses=_NOT_ALLOWED | _BUSY)
def change_password(
    change: PasswordChange, request: Request, response: Response, context: Context, session: ConfirmedSession
) -> dict[str, Any]:
    """Give oneself another password; ends all of one's sessions but this one, which gets another token."""
    user, address = session.user, client_address(request)
    if not user.password:
        raise HTTPException(409, "you log in with your company: change the password there")
    if check_password(context, user.name, change.password, address) is None:
        raise HTTPException(403, "the present password is wrong")
    try:
        present = context.accounts.users().get(user.name, user)
        changed = context.accounts.change_password(present, change.new)
    except ConfigurationError as error:
        raise HTTPException(409, str(error)) from None
    except TooManyLoginsError:
        raise _busy() from None
    context.sessions.close_all(user.name)
    audit(context, user.name, "password changed", address)
    return session_fields(open_session(context, changed, request, response))


@router.post("/logout", status_code=204)
def log_out(request: Request, response: Response, context: Context, session: ConfirmedSession) -> None:
    """End the session, on every replica."""
    name = cookie_name(context)
    context.sessions.close(session_token(request, context))
    audit(context, session.user.name, "logout", client_address(request))
    response.delete_cookie(
        name, httponly=True, samesite="strict", secure=context.settings.dashboard.behind_tls
    )


@router.get("/me")
def current_user(session: AnySession) -> dict[str, Any]:
    """Who is logged in, and the CSRF token that changes must carry."""
    return session_fields(session)


def check_password(context: AppContext, name: str, password: str, address: str) -> User | None:
    """The user if the password is right and neither the name nor the address is locked.

    Raises:
        HTTPException: 429 too many tries, or locked; 503 too many passwords are being checked.
    """
    limits = context.limits
    if not (limits.logins_by_address.take(address) and limits.logins_by_name.take(name)):
        raise HTTPException(429, "too many tries; wait a minute", {"Retry-After": "60"})
    admission = context.lockouts.admit(name, address)
    if not admission.is_allowed:
        # The same for every name, and before the password is looked at.
        raise HTTPException(
            429, "too many failed logins; wait, or ask an admin to release the lock", {"Retry-After": "300"}
        )
    try:
        user = context.accounts.log_in(name, password)
    except TooManyLoginsError:
        context.lockouts.take_back(name, address)
        raise _busy() from None
    if user is None:
        _record_failure(context, name, address, admission.locks)
        return None
    limits.logins_by_name.clear(name)
    context.lockouts.succeeded(name, address)
    return user


def _record_failure(context: AppContext, name: str, address: str, locks: tuple[str, ...]) -> None:
    known = name if name in context.accounts.users() else UNKNOWN
    audit(context, known, "login refused", address)
    for locked in locks:
        audit(context, known, f"{locked} locked", address)


def open_session(context: AppContext, user: User, request: Request, response: Response) -> Session:
    """Open a session in place of the browser's former one, and set its cookie on the response."""
    token = context.sessions.open(user, session_token(request, context))
    response.set_cookie(
        cookie_name(context),
        token,
        max_age=round(context.settings.dashboard.session_length.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=context.settings.dashboard.behind_tls,
    )
    session = context.sessions.find(token)
    if session is None:
        raise HTTPException(401, "the user was removed or changed meanwhile; log in again")
    return session


def client_address(request: Request) -> str:
    """The address that the request came from; empty if it is unknown."""
    return request.client.host if request.client else ""


def audit(context: AppContext, who: str, action: str, address: str, **detail: object) -> None:
    """Add a line about who is let in; its subject is the address."""
    with context.store.write_transaction() as connection:
        add_audit_entry(connection, who, action, address, detail)


def session_fields(session: Session) -> dict[str, Any]:
    """What the page knows of its session."""
    user = session.user
    return {
        "name": user.name, "role": user.role, "csrf": session.csrf,
        "has_password": bool(user.password), "must_change_password": user.must_change,
    }  # fmt: skip


def _busy() -> HTTPException:
    return HTTPException(503, "too many logins at once; try again in a moment", {"Retry-After": "5"})
