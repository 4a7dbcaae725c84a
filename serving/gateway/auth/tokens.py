"""Access tokens of a company's own issuer (OAuth 2.0 client credentials, RFC 9068): JWTs that it signed."""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fraud.settings import GatewayOidcSettings, GatewayScope, OidcSettings
from serving.dashboard.auth.oidc.issuer import ALGORITHMS, IssuerClient, LoginRefusedError

log = logging.getLogger(__name__)

_CLOCK_SKEW_S = 60
_MAX_CACHED = 1_000
_NAME_CLAIMS = ("client_id", "azp", "sub")


@dataclass(frozen=True)
class TokenHolder:
    """The client of a token, and what it may do; `expires` is in seconds since 1970."""

    name: str
    scopes: tuple[GatewayScope, ...]
    expires: float


class TokenVerifier:
    """Verifies tokens by the issuer's published keys; one that was verified is known until it expires."""

    def __init__(self, settings: GatewayOidcSettings) -> None:
        self._settings = settings
        # It loads the issuer's addresses and keys; the client's id is for logins only.
        self._issuer = IssuerClient(OidcSettings(issuer=settings.issuer, client_id=settings.audience))
        self._known: OrderedDict[str, TokenHolder] = OrderedDict()

    async def find(self, token: str) -> TokenHolder | None:
        """The client of a token that the issuer signed for us and that has not expired."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(digest)
        if known is None:
            known = await asyncio.to_thread(self._verify, token)
            if known is not None:
                self._known[digest] = known
                if len(self._known) > _MAX_CACHED:
                    self._known.popitem(last=False)
        return known if known is not None and known.expires + _CLOCK_SKEW_S > time.time() else None

    def _verify(self, token: str) -> TokenHolder | None:
        for is_again in (False, True):
            try:
                return self._holder(self._claims(token, reload=is_again))
            except (JoseError, ValueError, TypeError) as error:
                # A strange header is a TypeError. An issuer may replace a key under the same id.
                refusal: Exception = error
            except (LoginRefusedError, OSError) as error:
                log.warning("the issuer's keys cannot be loaded: %s", error)
                return None
        log.info("an access token was refused: %s", refusal)
        return None

    def _claims(self, token: str, *, reload: bool) -> Mapping[str, Any]:
        keys = KeySet.import_key_set(self._issuer.fetch_jwk_set(force=reload))  # type: ignore[arg-type]
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=_CLOCK_SKEW_S,
            iss={"essential": True, "value": self._settings.issuer or ""},
            aud={"essential": True, "value": self._settings.audience},
            exp={"essential": True},
        ).validate(claims)
        return claims

    def _holder(self, claims: Mapping[str, Any]) -> TokenHolder | None:
        name = next((claims[one] for one in _NAME_CLAIMS if isinstance(claims.get(one), str)), None)
        return TokenHolder(name, self._scopes(claims), float(claims["exp"])) if name else None

    def _scopes(self, claims: Mapping[str, Any]) -> tuple[GatewayScope, ...]:
        found: Any = claims
        for step in self._settings.scope_claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        values = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
        given = (self._settings.scopes.get(value) for value in values if isinstance(value, str))
        return tuple(one for one in given if one is not None)
