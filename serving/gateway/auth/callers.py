"""The caller of a request: who it is, what it may do, and whether it calls too often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fraud.settings import LOOPBACK_HOSTS, GatewayScope, Settings
from serving.dashboard.auth.rate_limit import RateLimit
from serving.dashboard.middleware.hosts import parse_host
from serving.gateway.auth.keys import PREFIX, KeyFile
from serving.gateway.auth.tokens import TokenVerifier

_MAX_TOKEN = 8_192
_MAX_LIMITS = 10_000


@dataclass(frozen=True)
class Caller:
    """Who calls; `rate` is in requests a second, None: not limited."""

    name: str
    scopes: tuple[GatewayScope, ...]
    rate: float | None


class RefusedCallerError(Exception):
    """The request is not let in; `status` and `headers` are of the response."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.headers = status, dict(headers or {})


class Callers:
    """Finds the callers of requests by API key or access token."""

    def __init__(self, settings: Settings) -> None:
        gateway = settings.gateway
        self._is_anonymous_allowed = gateway.allow_anonymous
        self._keys = KeyFile(settings.gateway_keys)
        self._oidc = gateway.oidc
        self._tokens = TokenVerifier(gateway.oidc) if gateway.oidc.issuer else None
        self._limits: dict[tuple[str, float], RateLimit] = {}

    async def require(self, headers: Mapping[str, str], scope: GatewayScope) -> Caller:
        """The caller, who has the scope and may call now.

        Raises:
            RefusedCallerError: 401, 403, 421 or 429.
        """
        caller = await self._find(headers)
        if scope not in caller.scopes:
            raise RefusedCallerError(403, f"this takes the scope {scope}; the caller has not got it")
        if caller.rate is not None and not self._limit(caller.name, caller.rate).take(caller.name):
            retry = {"Retry-After": str(max(1, math.ceil(1 / caller.rate)))}
            raise RefusedCallerError(429, f"more than {caller.rate:g} requests a second", retry)
        return caller

    async def _find(self, headers: Mapping[str, str]) -> Caller:
        kind, _, credential = headers.get("authorization", "").partition(" ")
        credential = credential.strip()
        if not kind and self._is_anonymous_allowed:
            return _anonymous(headers)
        if kind.lower() == "bearer" and 0 < len(credential) <= _MAX_TOKEN:
            caller = await self._of_credential(credential)
            if caller is not None:
                return caller
        raise RefusedCallerError(
            401, "a valid API key or access token is needed", {"WWW-Authenticate": "Bearer"}
        )

    async def _of_credential(self, credential: str) -> Caller | None:
        if credential.startswith(f"{PREFIX}_") or self._tokens is None:
            key = self._keys.find(credential)
            return None if key is None else Caller(key.name, key.scopes, key.rate)
        holder = await self._tokens.find(credential)
        return None if holder is None else Caller(f"oidc:{holder.name}", holder.scopes, self._oidc.rate)

    def _limit(self, name: str, rate: float) -> RateLimit:
        limit = self._limits.get((name, rate))
        if limit is None:
            if len(self._limits) >= _MAX_LIMITS:
                self._limits.clear()
            # A second's worth may come at once.
            limit = self._limits[name, rate] = RateLimit(max(1, math.ceil(rate)), 1 / rate)
        return limit


def _anonymous(headers: Mapping[str, str]) -> Caller:
    """A caller of this machine; a page of a browser could name another host (DNS rebinding)."""
    host = parse_host(headers.get("host", ""))
    if host is None or host.name not in LOOPBACK_HOSTS:
        raise RefusedCallerError(421, "without a key only a loopback name as host is allowed")
    return Caller("anonymous", ("decide", "review"), None)
