"""A schema registry with Confluent's API: the schemas that messages were written with, by their ids."""

import math
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from fraud.errors import ConfigurationError, RefusedError, UnreachableError
from fraud.messages.formats.wire import SchemaId
from fraud.settings import SchemaRegistrySettings

_UNKNOWN_CODES = {40401, 40402, 40403}
"""Of a registry that has no such subject, version or schema; any other 404 comes from a wrong address."""
_DENIED = (401, 403)
_IDLE_S = 10.0


class SchemaMissingError(Exception):
    """The registry answers that it has no such schema; the text says which."""


@dataclass(frozen=True)
class WriterSchema:
    """A schema as it was registered.

    Attributes:
        kind: AVRO, PROTOBUF or JSON; a registry may know others.
        text: in that language.
        references: name and text of the schemas that it refers to, each after those that it needs itself.
    """

    kind: str
    text: str
    references: tuple[tuple[str, str], ...] = ()


class SchemaSource(Protocol):
    """Where the schemas of ids are."""

    def schema(self, schema_id: SchemaId) -> WriterSchema:
        """The schema of an id; raises SchemaMissingError, or UnreachableError if that is not known now."""

    def check(self) -> str:
        """What it answers, as one sentence; raises UnreachableError."""


class SchemaRegistry:
    """Asks for schemas; it only reads, and remembers nothing.

    Questions that follow each other share a client: to make one takes longer than an answer. A connection
    that was kept for hours may have been closed on its way, so an idle client is replaced.

    Raises:
        ConfigurationError: the settings make no client, such as a file of certificates that is not there.
    """

    def __init__(self, settings: SchemaRegistrySettings) -> None:
        self._settings, self._url = settings, settings.url
        self._lock = threading.Lock()
        self._connect()

    def schema(self, schema_id: SchemaId) -> WriterSchema:
        """The schema of an id, which never changes.

        Raises:
            SchemaMissingError: there is none.
            RefusedError: the registry does not let us read.
            UnreachableError: it does not answer, or not as a registry does.
        """
        with self._lock:
            client = self._fresh_client()
            try:
                found = self._ask(f"schema {schema_id}", client.get_schema, schema_id)
                references = tuple(self._references(client, found, set()))
            except UnreachableError:
                self._used_at = -math.inf
                raise
        return WriterSchema(found.schema_type or "AVRO", found.schema_str or "", references)

    def check(self) -> str:
        """What the registry answers to the simplest question, as one sentence.

        Raises:
            RefusedError: the registry does not let us read.
            UnreachableError: it does not answer.
        """
        # An id that cannot exist: to list subjects would need a right that reading messages does not.
        with suppress(SchemaMissingError):
            self.schema(0)
        return f"{self._url} answers"

    def _fresh_client(self) -> Any:
        """The client, or a new one if it was idle for long or got no answer."""
        now = time.monotonic()
        if now - self._used_at > _IDLE_S:
            # Its successor must not fail for what closing a broken connection may raise.
            with suppress(Exception):
                self._close()
            self._connect()
        self._used_at = now
        return self._client

    def _connect(self) -> None:
        self._client, self._used_at = self._new_client(), time.monotonic()
        # It closes its connection when nobody has the registry any longer.
        self._close = weakref.finalize(self, self._client.__exit__, None, None, None)

    def _new_client(self) -> Any:
        # Takes a second to import, and most installations have no registry.
        from confluent_kafka.schema_registry import SchemaRegistryClient

        try:
            return SchemaRegistryClient(client_properties(self._settings))
        except (ValueError, TypeError, OSError) as error:
            raise ConfigurationError(
                f"FRAUD_SCHEMA_REGISTRY__* does not make a working client: {error}"
            ) from error

    def _references(self, client: Any, schema: Any, seen: set[tuple[str, int]]) -> Iterator[tuple[str, str]]:
        for one in schema.references or ():
            if (one.subject, one.version) in seen:
                continue
            seen.add((one.subject, one.version))
            asked = f"version {one.version} of {one.subject}, to which another schema refers"
            found = self._ask(asked, client.get_version, one.subject, one.version, True).schema
            yield from self._references(client, found, seen)
            yield one.name, found.schema_str or ""

    def _ask(self, asked: str, call: Any, *arguments: Any) -> Any:
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            return call(*arguments)
        except SchemaRegistryError as error:
            if error.http_status_code == 404 and error.error_code in _UNKNOWN_CODES:
                raise SchemaMissingError(f"the schema registry has no {asked}") from None
            if error.http_status_code in _DENIED:
                raise RefusedError(
                    f"the schema registry at {self._url} refuses us (HTTP {error.http_status_code}); check "
                    "the credentials in FRAUD_SCHEMA_REGISTRY__* and that they may read schemas"
                ) from None
            raise self._unreachable(f"HTTP {error.http_status_code}") from None
        # Whatever a proxy or another server answers instead of a registry.
        except Exception as error:
            raise self._unreachable(f"{type(error).__name__}: {error}".rstrip(": ")) from None

    def _unreachable(self, reason: str) -> UnreachableError:
        return UnreachableError(
            f"the schema registry at {self._url} does not answer as one ({reason}); check that it is up, "
            "and FRAUD_SCHEMA_REGISTRY__URL"
        )


def client_properties(settings: SchemaRegistrySettings) -> dict[str, Any]:
    """The properties of Confluent's client; they hold secrets."""
    properties: dict[str, Any] = {"url": settings.url, "timeout": settings.timeout_s, "max.retries": 0}
    if settings.ca_location is not None:
        properties["ssl.ca.location"] = str(settings.ca_location)
    if settings.username is not None:
        password = settings.password.get_secret_value() if settings.password else ""
        properties["basic.auth.user.info"] = f"{settings.username}:{password}"
    if settings.token is not None:
        properties["bearer.auth.credentials.source"] = "STATIC_TOKEN"
        properties["bearer.auth.token"] = settings.token.get_secret_value()
        properties["bearer.auth.logical.cluster"] = settings.logical_cluster
    return properties
