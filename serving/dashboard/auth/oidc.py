"""Logging in at the company's OpenID Connect issuer: Authlib's client, and which of its answers count.

The authorization code flow with PKCE: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7, and RFC 7636.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import (
    BaseApp,
    FrameworkIntegration,
    OAuth2Mixin,
    OAuthError,
    OpenIDMixin,
)
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError

from fraud.settings import OidcSettings
from serving.dashboard.auth.accounts import ROLES, Role, User, is_name
from serving.dashboard.auth.pending_logins import LoginSecrets

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures of a key that only the issuer has; never `none`, never a shared secret."""

_CLOCK_SKEW_S = 60
_TIMEOUT_S = 10.0
_KEYS_FRESH_S = 3_600.0
_KEYS_RETRY_S = 30.0
"""A signature that does not verify makes the client load the keys again, but no more often than this."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_USED_METADATA = (*_ENDPOINTS, "issuer")
_DEFAULT_CLIENT_AUTHENTICATION = ["client_secret_basic"]


class LoginRefusedError(Exception):
    """The login did not succeed; the text is for the person at the page."""


class IssuerClient(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """Authlib's client of one issuer, pinned to the configured issuer, safe addresses and fresh keys."""

    client_cls = OAuth2Session

    def __init__(self, settings: OidcSettings) -> None:
        secret = settings.client_secret
        super().__init__(
            FrameworkIntegration("dashboard"),
            client_id=settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            server_metadata_url=f"{str(settings.issuer).rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(settings.scopes),
                "code_challenge_method": "S256",
                "default_timeout": _TIMEOUT_S,
            },
        )
        self._issuer = settings.issuer or ""
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._keys_loaded_at = float("-inf")

    def load_server_metadata(self) -> dict[str, Any]:
        """What the issuer publishes about itself; loaded once.

        Raises:
            LoginRefusedError: it is another issuer, or one of its addresses is not as safe as its own.
        """
        with self._lock:
            if not self._metadata:
                self._metadata = self._checked(_load_json(self._server_metadata_url))
            return dict(self._metadata)

    def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """The issuer's public keys, at most an hour old; with `force` at most half a minute."""
        address = self.load_server_metadata()["jwks_uri"]
        with self._lock:
            if time.monotonic() - self._keys_loaded_at > (_KEYS_RETRY_S if force else _KEYS_FRESH_S):
                self._keys = {"keys": _load_json(address).get("keys", [])}
                self._keys_loaded_at = time.monotonic()
            return self._keys

    def _checked(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        if metadata.get("issuer") != self._issuer:
            log.warning("the issuer calls itself %r; set oidc.issuer to exactly that", metadata.get("issuer"))
            raise LoginRefusedError("The issuer is not the one that is configured.")
        schemes = ("https", "http") if urlsplit(self._issuer).scheme == "http" else ("https",)
        for name in _ENDPOINTS:
            if not _is_address(metadata.get(name), schemes):
                raise LoginRefusedError(f"The issuer publishes no usable {name}.")
        methods = metadata.get("token_endpoint_auth_methods_supported", _DEFAULT_CLIENT_AUTHENTICATION)
        if self.client_secret is not None and "client_secret_basic" not in methods:
            self.client_kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105 - a method
        used = {name: metadata[name] for name in _USED_METADATA}
        return used | {"id_token_signing_alg_values_supported": ALGORITHMS}


class Issuer:
    """The configured issuer: starts a login, and finishes it with a user and a role of ours."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._client = IssuerClient(settings)

    def start(self, redirect_url: str) -> tuple[str, str, LoginSecrets]:
        """Start a login.

        Returns:
            The URL to send the browser to, the `state` that comes back, and the secrets of this login.

        Raises:
            LoginRefusedError: the issuer does not answer.
        """
        with _refusals():
            started = self._client.create_authorization_url(redirect_url)
        secrets = LoginSecrets(started["nonce"], started["code_verifier"], redirect_url)
        return started["url"], started["state"], secrets

    def finish(self, code: str, secrets: LoginSecrets) -> User:
        """Exchange the code for an ID token; returns the user that it names.

        Raises:
            LoginRefusedError: the issuer refuses the code, the token is not what it should be, or its claims
                name no user or no role of ours.
        """
        with _refusals():
            token = self._client.fetch_access_token(
                secrets.redirect_url, code=code, code_verifier=secrets.verifier, allow_redirects=False
            )
            if not isinstance(token.get("id_token"), str):
                raise LoginRefusedError("The issuer gave no ID token.")
            claims = self._claims(token, secrets.nonce)
        return self._user(claims)

    def _claims(self, token: dict[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of a token that this issuer signed for us, now, for this login."""
        try:
            return self._parse(token, nonce)
        except (JoseError, ValueError):
            # An issuer may replace a key under the same id.
            self._client.fetch_jwk_set(force=True)
        try:
            return self._parse(token, nonce)
        except (JoseError, ValueError) as error:
            log.warning("an ID token was refused: %s", error)
            raise LoginRefusedError("The issuer's answer could not be trusted, so it was not used.") from None

    def _parse(self, token: dict[str, Any], nonce: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = self._client.parse_id_token(
            token,
            nonce,
            claims_options={
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
                "sub": {"essential": True},
            },
            leeway=_CLOCK_SKEW_S,
        )
        return claims

    def _user(self, claims: Mapping[str, Any]) -> User:
        claim = self._settings.name_claim
        name = claims.get(claim)
        if not isinstance(name, str) or not is_name(name):
            raise LoginRefusedError(f"The issuer sends no usable name: claim {claim}.")
        role = self._role(claims)
        if role is None:
            raise LoginRefusedError(
                f"You are known as {name}, but with no role here; ask an admin for one "
                f"(claim {self._settings.role_claim})."
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


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors of Authlib and of the network as `LoginRefusedError`; details go to the log only."""
    try:
        yield
    except OAuthError as error:
        log.warning("the issuer refused a login: %s", error.error)
        raise LoginRefusedError("The issuer refused the login; start again.") from None
    except (OSError, ValueError) as error:  # of requests, both
        log.warning("the issuer does not answer as it should: %s", error)
        raise LoginRefusedError("The issuer does not answer; try again in a while.") from None


def _load_json(url: str) -> dict[str, Any]:
    """Load a document of the issuer.

    Raises:
        OSError: it does not answer, or not with 200.
        ValueError: the answer is no JSON object.
    """
    response = requests.get(
        url, timeout=_TIMEOUT_S, headers={"Accept": "application/json"}, allow_redirects=False
    )
    response.raise_for_status()
    document = response.json()
    if not isinstance(document, dict):
        raise ValueError(f"{url} is no JSON object")  # noqa: TRY004 - of the answer, not of an argument
    return document


def _is_address(address: object, schemes: tuple[str, ...]) -> bool:
    return isinstance(address, str) and urlsplit(address).scheme in schemes
