"""An issuer of tokens for client credentials, and a real broker that lets in who has one."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import free_port
from tests.security.locked import Authority, tls_and_permissions

ADMIN = "fraud-admin"
AUDIENCE = "kafka"
LIFETIME_S = 300


@dataclass
class TokenIssuer:
    """Its clients are anyone who knows `secret`; `claims` are laid over those of every token."""

    secret: str = "the secret of all clients"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "issuer"}))
    claims: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def token(self, client: str) -> str:
        """A token of this client."""
        now = int(time.time())
        claims = {"sub": client, "iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_S}
        return jwt.encode({"alg": "RS256", "kid": "issuer"}, claims | self.claims, self.key)

    def answer(self, authorization: str) -> tuple[int, dict[str, Any]]:
        """Status and body for a request with these client credentials."""
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        self.asked.append(client)
        if secret != self.secret:
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": self.token(client), "token_type": "Bearer", "expires_in": LIFETIME_S}

    def keys(self) -> dict[str, Any]:
        """What brokers verify tokens with."""
        return {"keys": [self.key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}]}


@contextmanager
def run_token_issuer() -> Iterator[TokenIssuer]:
    """An issuer that listens: /token and /keys."""
    issuer = TokenIssuer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(issuer))
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(issuer: TokenIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._send(*issuer.answer(self.headers["Authorization"]))

        def do_GET(self) -> None:
            self._send(200, issuer.keys())

        def _send(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


class TokenKafka:
    """A broker with TLS that takes the issuer's tokens, and permissions by their subject."""

    def __init__(self, folder: Path, issuer: TokenIssuer) -> None:
        self.issuer, self.authority = issuer, Authority.found(folder, "authority")
        identity = self.authority.issue(folder, "127.0.0.1")
        self.kafka = EmbeddedKafka(
            folder / "kafka",
            heap_mb=256,
            properties=_properties(identity, self.authority.file, issuer),
            java_options=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer.url}/keys"],
            client=_client(self.authority.file, issuer),
        )

    def settings_of(self, client: str, **over: Any) -> dict[str, Any]:
        """Kafka settings of a client of the issuer."""
        return {
            "bootstrap_servers": self.kafka.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_username": client,
            "sasl_password": self.issuer.secret,
            "oauth_token_url": f"{self.issuer.url}/token",
            "oauth_scope": "kafka",
            "ssl_ca_location": self.authority.file,
            "partitions": 1,
        } | over


def _properties(identity: Path, trusted: Path, issuer: TokenIssuer) -> dict[str, str]:
    kafka, listener = "org.apache.kafka.common.security.oauthbearer", "listener.name.sasl_ssl.oauthbearer"
    inside = f"INSIDE://127.0.0.1:{free_port()}"
    return {
        "listeners": f"SASL_SSL://127.0.0.1:{{port}},{inside},CONTROLLER://127.0.0.1:{{controller_port}}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT,SASL_SSL:SASL_SSL",
        "inter.broker.listener.name": "INSIDE",
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{listener}.sasl.jaas.config": f"{kafka}.OAuthBearerLoginModule required;",
        f"{listener}.sasl.server.callback.handler.class": f"{kafka}.OAuthBearerValidatorCallbackHandler",
        "sasl.oauthbearer.jwks.endpoint.url": f"{issuer.url}/keys",
        "sasl.oauthbearer.expected.issuer": issuer.url,
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        **tls_and_permissions(identity, trusted, ADMIN),
    }


def _client(trusted: Path, issuer: TokenIssuer) -> dict[str, Any]:
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": f"{issuer.url}/token",
        "sasl.oauthbearer.client.id": ADMIN,
        "sasl.oauthbearer.client.secret": issuer.secret,
        "ssl.ca.location": str(trusted),
    }
