"""Logging in at the company's OpenID Connect issuer: Authlib's client, and which of its answers count.

The authorization code flow with PKCE: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7, and RFC 7636.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from serving.dashboard.auth.accounts import ROLES, Role, is_name
from serving.dashboard.auth.oidc.documents import IssuerDocument
from serving.dashboard.auth.oidc.pending_logins import LoginSecrets

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures of a key that only the issuer has; never `none`, never a shared secret."""

_CLOCK_SKEW_S = 60
_TIMEOUT_S = 10.0
_KEYS_FRESH_S = 3_600.0
_KEYS_RETRY_S = 30.0
"""A signature that does not verify makes the client load the keys again, but no more often than this."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MOST_WAITING = 8
"""Logins that wait for the issuer at once: each holds a thread, of which everybody's requests need some."""
_LONGEST_SUBJECT = 255
"""As OpenID Connect Core 1.0 has it, section 2."""
_USED_METADATA = (*_ENDPOINTS, "issuer")
_DEFAULT_CLIENT_AUTHENTICATION = ["client_secret_basic"]


class LoginRefusedError(Exception):
    """The login did not succeed; the text is for the person at the page."""


@dataclass(frozen=True)
class OidcPerson:
    """Who logged in: `subject` is who it is, `name` what the issuer calls them today."""

    subject: str
    name: str
    role: Role


class IssuerClient(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """Authlib's client of one issuer, pinned to the configured issuer, safe addresses and fresh keys."""

    client_cls = OAuth2Session

    def __init__(self, settings: OidcSettings) -> None:
        super().__init__(
            FrameworkIntegration("dashboard"),
            client_id=settings.client_id,
            client_secret=settings.read_secret(),
            server_metadata_url=f"{str(settings.issuer).rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(settings.scopes),
                "code_challenge_method": "S256",
                "default_timeout": _TIMEOUT_S,
            },
        )
        self._issuer = settings.issuer or ""
        self._metadata = IssuerDocument(self._load_metadata, _TIMEOUT_S)
        self._keys = IssuerDocument(self._load_keys, _TIMEOUT_S)

    def load_server_metadata(self) -> dict[str, Any]:
        """What the issuer publishes about itself; loaded once.

        Raises:
            LoginRefusedError: it is another issuer, or one of its addresses is not as safe as its own.
            OSError: it does not answer.
        """
        return dict(self._metadata.get())

    def fetch_jwk_set(self, force: bool = False) -> dict[str, Any]:
        """The issuer's public keys, at most an hour old; with `force` at most half a minute.

        While the issuer does not answer, those that it published before.
        """
        return self._keys.get(_KEYS_RETRY_S if force else _KEYS_FRESH_S)

    def _load_metadata(self) -> dict[str, Any]:
        return self._checked(_load_json(self._server_metadata_url))

    def _load_keys(self) -> dict[str, Any]:
        return {"keys": _load_json(self.load_server_metadata()["jwks_uri"]).get("keys", [])}

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
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)

    def start(self, redirect_url: str) -> tuple[str, str, LoginSecrets]:
        """Start a login.

        Returns:
            The URL to send the browser to, the `state` that comes back, and the secrets of this login.

        Raises:
            LoginRefusedError: the issuer does not answer, or too many logins wait for it.
        """
        with self._asking(), _refusals():
            started = self._client.create_authorization_url(redirect_url)
        secrets = LoginSecrets(started["nonce"], started["code_verifier"], redirect_url)
        return started["url"], started["state"], secrets

    def finish(self, code: str, secrets: LoginSecrets) -> OidcPerson:
        """Exchange the code for an ID token; returns the person that it names.

        Raises:
            LoginRefusedError: the issuer refuses the code, the token is not what it should be, or its claims
                name no user or no role of ours; or too many logins wait for the issuer.
        """
        with self._asking(), _refusals():
            token = self._client.fetch_access_token(
                secrets.redirect_url, code=code, code_verifier=secrets.verifier, allow_redirects=False
            )
            if not isinstance(token.get("id_token"), str):
                raise LoginRefusedError("The issuer gave no ID token.")
            claims = self._claims(token, secrets.nonce)
        return self._person(claims)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """While the issuer is asked: a silent one must not take the threads of all other requests."""
        if not self._waiting.acquire(blocking=False):
            raise LoginRefusedError("Too many logins wait for the issuer; try again in a while.")
        try:
            yield
        finally:
            self._waiting.release()

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

    def _person(self, claims: Mapping[str, Any]) -> OidcPerson:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or "\0" in subject:
            raise LoginRefusedError("The issuer does not say who it is: claim sub.")
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
        return OidcPerson(subject, name, role)

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
