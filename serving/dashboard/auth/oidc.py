"""What the company's OpenID Connect issuer is asked, and what makes a token of it count.

The authorization code flow with PKCE: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7, and RFC 7636.
"""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fraud.settings import OidcSettings
from serving.dashboard.auth.accounts import ROLES, Role, User, is_name
from serving.dashboard.auth.pending_logins import Challenge

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures of a key that the issuer alone has; never `none`, never a shared secret."""

_CLOCK_SKEW_S = 60
_TIMEOUT_S = 10.0
_HEADERS = {"Accept": "application/json"}
_KEYS_FRESH_S = 3_600.0
_KEYS_ANEW_S = 30.0
"""A token of an unknown key asks for the keys again, but no more often than this."""


class LoginRefusedError(Exception):
    """The login did not succeed; the text is for the person at the page."""


class Issuer:
    """The configured issuer; what it tells of itself is asked when it is first needed, and kept."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._client_id = settings.client_id or ""
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")

    def begin(self, state: str, challenge: Challenge) -> str:
        """Where to send the browser.

        Raises:
            LoginRefusedError: the issuer does not answer.
        """
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": challenge.redirect_url,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": challenge.nonce,
            "code_challenge": challenge.s256,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    def finish(self, code: str, challenge: Challenge) -> User:
        """Trade the code for an ID token, and tell who it is about.

        Raises:
            LoginRefusedError: the issuer refuses the code, the token is not what it should be, or its claims
                name no user or no role of ours.
        """
        return self._user(self._claims(self._id_token(code, challenge), challenge.nonce))

    def _id_token(self, code: str, challenge: Challenge) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": challenge.redirect_url,
            "client_id": self._client_id,
            "code_verifier": challenge.verifier,
        }
        answer = self._ask("POST", self._endpoint("token_endpoint"), data=form, auth=self._credentials(form))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise LoginRefusedError("The issuer gave no ID token.")
        return token

    def _credentials(self, form: dict[str, str]) -> httpx.BasicAuth | None:
        """The secret goes into a header, or into the form with issuers that want it there."""
        if self._settings.client_secret is None:
            return None
        secret = self._settings.client_secret.get_secret_value()
        methods = self._discovered().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            return httpx.BasicAuth(self._client_id, secret)
        form["client_secret"] = secret
        return None

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of a token that this issuer signed for us, now, in answer to this very login."""
        expected = jwt.JWTClaimsRegistry(
            leeway=_CLOCK_SKEW_S,
            iss={"essential": True, "value": self._settings.issuer or ""},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._verified(token)
            expected.validate(claims)
        except (JoseError, ValueError) as error:
            log.warning("an ID token was refused: %s", error)
            raise LoginRefusedError("The issuer's answer could not be trusted, so it was not used.") from None
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._client_id:
            raise LoginRefusedError("The issuer's answer was meant for somebody else.")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._key_set(_KEYS_FRESH_S), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            # It may be signed with a key that is newer than what we know.
            return jwt.decode(token, self._key_set(_KEYS_ANEW_S), algorithms=ALGORITHMS).claims

    def _user(self, claims: Mapping[str, Any]) -> User:
        claim = self._settings.name_claim
        name = claims.get(claim)
        if not isinstance(name, str) or not is_name(name):
            raise LoginRefusedError(f"The issuer does not tell your name: the claim {claim} will not do.")
        role = self._role(claims)
        if role is None:
            raise LoginRefusedError(
                f"You are known as {name}, but with no role here; ask an admin for one "
                f"(the claim {self._settings.role_claim})."
            )
        return User(name, role, "")

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest of the roles that the claim's values give."""
        found: Any = claims
        for step in self._settings.role_claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        given = {self._settings.roles.get(value) for value in values if isinstance(value, str)}
        return next((role for role in reversed(ROLES) if role in given), None)

    def _endpoint(self, name: str) -> str:
        """An address that the issuer tells; only one that is as safe as the issuer's own."""
        address = self._discovered().get(name)
        if not isinstance(address, str) or urlsplit(address).scheme not in self._schemes():
            raise LoginRefusedError(f"The issuer tells no usable {name}.")
        return address

    def _schemes(self) -> tuple[str, ...]:
        return ("https", "http") if urlsplit(self._settings.issuer or "").scheme == "http" else ("https",)

    def _discovered(self) -> dict[str, Any]:
        with self._lock:
            if not self._told:
                issuer = self._settings.issuer or ""
                told = self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != issuer:
                    log.warning(
                        "the issuer calls itself %r; set oidc.issuer to exactly that", told.get("issuer")
                    )
                    raise LoginRefusedError("The issuer is not the one that is configured.")
                self._told = told
            return self._told

    def _key_set(self, fresh_s: float) -> KeySet:
        """The issuer's public keys, no older than `fresh_s`."""
        address = self._endpoint("jwks_uri")
        with self._lock:
            if self._keys is None or time.monotonic() - self._keys_at > fresh_s:
                self._keys = KeySet.import_key_set({"keys": self._ask("GET", address).get("keys", [])})
                self._keys_at = time.monotonic()
            return self._keys

    def _ask(self, method: str, url: str, **body: Any) -> dict[str, Any]:
        try:
            answer = httpx.request(method, url, timeout=_TIMEOUT_S, headers=_HEADERS, **body)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("the issuer does not answer as it should: %s", error)
            raise LoginRefusedError("The issuer does not answer; try again in a while.") from None
        if answer.status_code != httpx.codes.OK or not isinstance(told, dict):
            reason = told.get("error") if isinstance(told, dict) else None
            log.warning("the issuer answered %d (%s) to %s", answer.status_code, reason, urlsplit(url).path)
            raise LoginRefusedError("The issuer refused the login; begin anew.")
        return told
