"""What each request must carry: a session, a role, a CSRF token."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fraud.cards.masking import mask_text
from serving.dashboard.auth.accounts import Role
from serving.dashboard.auth.sessions import Session
from serving.dashboard.context import AppContext, Context

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body cannot be read"},
    401: {"description": "log in first"},
    403: {
        "description": "the role or the CSRF token does not suffice, the password must be changed first, or "
        "the request is from another site"
    },
    429: {"description": "too often"},
}
IDLE_HEADER = "x-idle-ms"
"""How long ago the user last did something: pages also ask on their own."""

_MILLISECONDS = re.compile("[0-9]{1,12}")


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


RowNumber = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""The `seq` of a stored row, as far as browsers have integers exactly."""

MaskedText = Annotated[str, AfterValidator(mask_text)]
"""A text that people write, such as a note: a card number in it is masked before it is kept."""


def cookie_name(context: AppContext) -> str:
    """The session cookie; with TLS a name that browsers accept from this host only."""
    return "__Host-fraud" if context.settings.dashboard.behind_tls else "fraud"


def session_token(request: Request, context: AppContext) -> str:
    """The session cookie's value; empty without one."""
    return request.cookies.get(cookie_name(context), "")


def any_session(request: Request, context: Context) -> Session:
    """The session of the request's cookie, also before the password is changed; HTTP 401 without one."""
    idle = request.headers.get(IDLE_HEADER, "0")
    # A stream asks for itself as long as the page is open.
    is_stream = request.headers.get("accept", "") == "text/event-stream"
    active_ms_ago = None if is_stream or not _MILLISECONDS.fullmatch(idle) else int(idle)
    session = context.sessions.find(session_token(request, context), active_ms_ago)
    if session is None:
        raise HTTPException(401, "log in first")
    return session


AnySession = Annotated[Session, Depends(any_session)]


def session_of(session: AnySession) -> Session:
    """The session of the request's cookie; HTTP 401 without one, 403 before the password is changed."""
    if session.user.must_change:
        raise HTTPException(403, "change your password first: another person knows it")
    return session


SessionOf = Annotated[Session, Depends(session_of)]


def confirmed(session: AnySession, x_csrf_token: Annotated[str, Header()] = "") -> Session:
    """A session whose request carries its token in `X-CSRF-Token`, also before the password is changed."""
    if not session.confirms(x_csrf_token):
        raise HTTPException(403, "the request does not carry the session's CSRF token")
    return session


ConfirmedSession = Annotated[Session, Depends(confirmed)]


def may_change(role: Role) -> Callable[..., Session]:
    """A dependency for changes: a session of this role, and its token in `X-CSRF-Token`."""

    def check(session: ConfirmedSession) -> Session:
        return _require_role(session_of(session), role)

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
