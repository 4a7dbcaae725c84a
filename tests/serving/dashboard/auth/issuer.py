"""An OpenID Connect issuer for tests, which can send invalid tokens that a real one never sends."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "fraud-dashboard", "a secret of the client"
Claims = dict[str, Any]


@cache
def create_key(name: str, *, of: str = "the issuer") -> RSAKey:
    """A key, made once: that takes longer than a login."""
    return RSAKey.generate_key(2048, {"kid": name})


@dataclass
class Issuer:
    """The logins in progress; `change_claims` and `sign` make invalid tokens.

    `further_keys` are published beside the one that it signs with.
    """

    url: str = ""
    key: RSAKey = field(default_factory=lambda: create_key("its"))
    further_keys: list[Claims] = field(default_factory=list)
    person: Claims = field(default_factory=lambda: {"preferred_username": "carla", "roles": ["analyst"]})
    change_claims: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[["Issuer", Claims], str] | None = None
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    secret_in_form: bool = False

    def log_in(self, location: str) -> dict[str, str]:
        """The person logs in at the address that the browser was sent to; what comes back in the query."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return {"state": asked["state"], "code": code}

    def token(self, form: dict[str, str], credentials: str) -> tuple[int, Claims]:
        """The token endpoint's answer; a code counts once, and only with the verifier of its challenge."""
        asked = self.asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = _base64(digest)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = form.get("client_secret") == SECRET if self.secret_in_form else credentials == expected
        if asked is None or asked["code_challenge"] != challenge or not known:
            return 400, {"error": "invalid_grant"}
        if asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_request"}
        now = int(time.time())
        claims = self.change_claims(
            {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
            | self.person
        )
        token = self.sign(self, claims) if self.sign else signed(claims, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token}

    def metadata(self) -> Claims:
        """The discovery document."""
        method = "client_secret_post" if self.secret_in_form else "client_secret_basic"
        return {
            "token_endpoint_auth_methods_supported": [method],
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }


def signed(claims: Claims, key: RSAKey) -> str:
    """A token as it should be."""
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def signed_with_public_key(issuer: Issuer, claims: Claims) -> str:
    """The classic: what everybody knows is taken for a shared secret."""
    body = _written({"alg": "HS256", "kid": "its"}, claims)
    return f"{body}.{_base64(hmac.digest(issuer.key.as_pem(private=False), body.encode(), 'sha256'))}"


def unsigned(issuer: Issuer, claims: Claims) -> str:
    """Likewise a classic: no signature at all."""
    return f"{_written({'alg': 'none', 'kid': 'its'}, claims)}."


def _written(*parts: Claims) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in parts)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def run_issuer() -> Iterator[Issuer]:
    """An issuer that answers."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"keys": [issuer.key.as_dict(private=False), *issuer.further_keys]}
            self._send(200, keys if self.path == "/keys" else issuer.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._send(*issuer.token(form, self.headers.get("Authorization", "")))

        def _send(self, status: int, answer: Claims) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
