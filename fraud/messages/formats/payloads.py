"""From the bytes of a message to the JSON that admission validates, whatever format the topic has.

Network and decoding are apart. `readable` asks the registry for the schemas of a batch and says how much of
the batch can be decoded now; `known` says that without asking; `to_json` decodes and waits for nothing. So a
caller with a state to protect decides before it changes anything.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from fraud.deadline import Deadline
from fraud.errors import ConfigurationError, UnreachableError
from fraud.messages.decoding import MAX_BYTES, MessageError, UnreadablePayload
from fraud.messages.formats.registry import (
    SchemaMissingError,
    SchemaRegistry,
    SchemaSource,
    WriterSchema,
)
from fraud.messages.formats.values import to_json
from fraud.messages.formats.wire import CONFLUENT_FRAMING, GLUE_FRAMING, Framing, SchemaId
from fraud.settings import Settings

if TYPE_CHECKING:
    from fraud.messages.formats.avro import AvroDecoder
    from fraud.messages.formats.protobuf import ProtobufDecoder

RETRY_S = 1.0
"""For so long a registry that failed is not asked again."""
_MISSING_FOR_S = 5.0
"""For so long an id that the registry does not know is not asked for again."""
_ASK_FOR_S = 0.5
_ASK_AT_LEAST = 8
"""After so long, and so many ids, no further one is asked for: what is known by then can be used."""
_MOST_ENTRIES = 10_000
_PAUSE_S = 0.2

PayloadFunction = Callable[[bytes], bytes]
"""From a payload to JSON; raises MessageError."""


class Payloads(Protocol):
    """How the messages of `transactions` are encoded."""

    @property
    def problem(self) -> str:
        """Why messages wait, a sentence; empty if none has to."""

    def known(self, values: Sequence[bytes | None]) -> int:
        """How many of the messages, from the first on, can be decoded without asking anybody."""

    def readable(self, values: Sequence[bytes | None]) -> int:
        """How many of the messages, from the first on, can be decoded now; may ask for a while."""

    def to_json(self, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """Each readable message as JSON; an `UnreadablePayload` for one that never will be."""


class JsonPayloads:
    """Messages that are JSON as they come."""

    problem = ""

    def known(self, values: Sequence[bytes | None]) -> int:
        """All of them."""
        return len(values)

    def readable(self, values: Sequence[bytes | None]) -> int:
        """All of them."""
        return len(values)

    def to_json(self, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """The messages themselves."""
        return values


JSON_PAYLOADS = JsonPayloads()

_AVRO_NAMES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


class _Entry(msgspec.Struct, frozen=True):
    """What is known of a schema id; `expires` is on the monotonic clock."""

    decode: PayloadFunction
    expires: float

    @property
    def is_found(self) -> bool:
        """Whether the registry has the schema."""
        return self.expires == float("inf")


class RegistryPayloads:
    """Messages in the wire format of registries' serialisers; any number of threads may use it.

    Args:
        registry: is asked once for each id, one id at a time.
        wanted: names of the top-level fields that admission reads.
        max_bytes: a longer message is not decoded.
        framing: of the serialisers.
    """

    def __init__(
        self,
        registry: SchemaSource,
        wanted: frozenset[str],
        max_bytes: int,
        framing: Framing = CONFLUENT_FRAMING,
    ) -> None:
        self._registry, self._wanted, self._max_bytes = registry, wanted, max_bytes
        self._framing = framing
        self._entries: dict[SchemaId, _Entry] = {}
        self._lock = threading.Lock()
        self._retry_at = 0.0
        self.problem = ""

    def known(self, values: Sequence[bytes | None]) -> int:
        """How many messages are before the first whose schema is to be asked for."""
        now, known = time.monotonic(), set[SchemaId | None]()
        for number, one in enumerate(map(self._framing.schema_id, values)):
            if one not in known:
                if not self._is_known(one, now):
                    return number
                known.add(one)
        return len(values)

    def readable(self, values: Sequence[bytes | None]) -> int:
        """How many messages are before the first whose schema the registry has not answered for.

        It asks for one id after another. A topic has few schemas, so many unknown ids are asked for in
        several calls.
        """
        ids = [*map(self._framing.schema_id, values)]
        with self._lock:
            self._forget_missing()
            now = time.monotonic()
            wanted = [one for one in dict.fromkeys(ids) if one is not None and not self._is_known(one, now)]
            unanswered = self._ask_all(wanted, until=now + _ASK_FOR_S)
        if not unanswered:
            return len(values)
        return next(number for number, one in enumerate(ids) if one in unanswered)

    def to_json(self, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """Each message as JSON; call it with messages that are `readable`."""
        return [self._decode(value) for value in values]

    def _is_known(self, schema_id: SchemaId | None, now: float) -> bool:
        entry = self._entries.get(schema_id) if schema_id is not None else None
        return schema_id is None or (entry is not None and now < entry.expires)

    def _ask_all(self, wanted: list[SchemaId], until: float) -> set[SchemaId]:
        """Ask for ids; returns those without an answer."""
        unanswered = {
            one
            for number, one in enumerate(wanted)
            if (number >= _ASK_AT_LEAST and time.monotonic() > until) or not self._ask(one)
        }
        # The first answers must not expire while a slow registry is asked for the next ones.
        for one in wanted:
            if one not in unanswered:
                self._prolong(one)
        return unanswered

    def _ask(self, schema_id: SchemaId) -> bool:
        """Whether the registry has answered for an id, that it knows it or not."""
        if time.monotonic() < self._retry_at:
            return self._prolong(schema_id)
        try:
            self._entries[schema_id] = self._entry(schema_id)
        except UnreachableError as error:
            self._retry_at, self.problem = time.monotonic() + RETRY_S, str(error)
            return self._prolong(schema_id)
        self.problem = ""
        return True

    def _prolong(self, schema_id: SchemaId) -> bool:
        """Let what the registry last said of an id stand until it says otherwise; False if it never did."""
        entry = self._entries.get(schema_id)
        if entry is not None:
            expires = max(entry.expires, time.monotonic() + _MISSING_FOR_S)
            self._entries[schema_id] = _Entry(entry.decode, expires)
        return entry is not None

    def _forget_missing(self) -> None:
        """Drop ids that nobody registered, once there are many: a topic has few schemas."""
        if len(self._entries) > _MOST_ENTRIES:
            self._entries = {one: entry for one, entry in self._entries.items() if entry.is_found}

    def _entry(self, schema_id: SchemaId) -> _Entry:
        try:
            schema = self._registry.schema(schema_id)
        except SchemaMissingError as error:
            return _Entry(_refuse(str(error)), time.monotonic() + _MISSING_FOR_S)
        try:
            return _Entry(payload_function(schema, self._wanted, self._max_bytes), float("inf"))
        # Libraries raise errors of many kinds for a schema that they cannot use.
        except Exception as error:
            return _Entry(_refuse(f"the schema cannot be used: {error}"), float("inf"))

    def _decode(self, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        if len(value) > self._max_bytes:
            return self._too_long(value)
        try:
            frame = self._framing.split(value)
        except MessageError as error:
            return UnreadablePayload.because(str(error))
        try:
            entry = self._entries.get(frame.schema_id, _FORGOTTEN)
            found = entry.decode(frame.payload)
        except MessageError as error:
            return UnreadablePayload.because(f"schema {frame.schema_id}: {error}")
        except Exception as error:
            return UnreadablePayload.because(f"schema {frame.schema_id}: {type(error).__name__}: {error}")
        # Admission would refuse it, too; a batch of such messages would fill the memory until then.
        return found if len(found) <= self._max_bytes else self._too_long(found)

    def _too_long(self, value: bytes) -> UnreadablePayload:
        return UnreadablePayload.because(f"the message has {len(value)} bytes, more than {self._max_bytes}")


def payloads_of(settings: Settings) -> Payloads:
    """The format of the topic `transactions`, by the settings.

    Raises:
        ConfigurationError: the settings name a registry incompletely.
    """
    if settings.kafka.payload_format == "json":
        return JSON_PAYLOADS
    _decoders()
    wanted = frozenset(field.path[0] for field in settings.loaded_definitions.fields)
    framing = GLUE_FRAMING if settings.kafka.payload_format == "glue" else CONFLUENT_FRAMING
    return RegistryPayloads(schema_source(settings), wanted, settings.admission.max_bytes, framing)


def schema_source(settings: Settings) -> SchemaSource:
    """The registry of the settings.

    Raises:
        ConfigurationError: they name it incompletely.
    """
    if settings.kafka.payload_format == "glue":
        from fraud.messages.formats.glue import GlueRegistry

        return GlueRegistry(settings.schema_registry)
    if settings.schema_registry.url is None:
        raise ConfigurationError(
            "FRAUD_KAFKA__PAYLOAD_FORMAT is schema_registry without FRAUD_SCHEMA_REGISTRY__URL; set it"
        )
    return SchemaRegistry(settings.schema_registry)


class _Decoders(NamedTuple):
    avro: "type[AvroDecoder]"
    protobuf: "type[ProtobufDecoder]"


def _decoders() -> _Decoders:
    """Imported for topics that need them: JSON alone does without their libraries.

    Raises:
        ConfigurationError: a library is not installed.
    """
    try:
        from fraud.messages.formats.avro import AvroDecoder
        from fraud.messages.formats.protobuf import ProtobufDecoder
    except ImportError as error:
        raise ConfigurationError(
            f"FRAUD_KAFKA__PAYLOAD_FORMAT is not json, and {error.name} is not installed; use the "
            "image `serving` or `flows`, or run `make setup`"
        ) from error
    return _Decoders(AvroDecoder, ProtobufDecoder)


def payload_function(
    schema: WriterSchema, wanted: frozenset[str], max_bytes: int = MAX_BYTES
) -> PayloadFunction:
    """What decodes payloads of a schema.

    Raises:
        ValueError: nothing can; other errors come from the libraries.
    """
    kind = _kind(schema)
    if kind == "JSON":
        # The payload is JSON: admission decides on it as on a message without a schema.
        return lambda payload: payload
    decoders = _decoders()
    if kind == "AVRO":
        references = [_avro_schema(text) for _, text in schema.references]
        avro = decoders.avro(_avro_schema(schema.text), references, wanted)
        return lambda payload: to_json(avro.decode(payload))
    if kind == "PROTOBUF":
        protobuf = decoders.protobuf(schema.text, dict(schema.references), wanted, max_bytes)
        return lambda payload: to_json(protobuf.decode(payload))
    raise ValueError(f"it is of the type {schema.kind}, which is none of AVRO, PROTOBUF and JSON")


def _kind(schema: WriterSchema) -> str:
    """The schema's type, corrected where a `.proto` file is said to be Avro, which it cannot be.

    A registry with one type for each subject, as Apicurio's, says so of a file that follows an Avro
    schema.
    """
    text = schema.text.strip()
    is_avro = text[:1] in ("{", "[", '"') or text in _AVRO_NAMES
    return "PROTOBUF" if schema.kind == "AVRO" and text and not is_avro else schema.kind


def require_json(
    payloads: Payloads,
    values: Sequence[bytes | None],
    patience_s: float = 60.0,
    before_retry: Callable[[], object] = lambda: None,
) -> Sequence[bytes | None]:
    """The messages as JSON, as soon as the registry answers.

    Args:
        payloads: of the topic.
        values: of the messages.
        patience_s: seconds until a registry that does not answer is an error.
        before_retry: called before each further try; what it raises ends the waiting.

    Raises:
        UnreachableError: the registry does not answer.
    """
    count = payloads.readable(values)
    if count == len(values):
        return payloads.to_json(values)
    # What an unknown id was answered holds for some seconds only, so it is used at once.
    found, deadline = [*payloads.to_json(values[:count])], Deadline(patience_s)
    while len(found) < len(values):
        before_retry()
        count = payloads.readable(values[len(found) :])
        if count:
            found += payloads.to_json(values[len(found) : len(found) + count])
            deadline = Deadline(patience_s)
        elif deadline.is_over:
            raise UnreachableError(payloads.problem)
        else:
            time.sleep(_PAUSE_S)
    return found


def _avro_schema(text: str) -> object:
    # A primitive may be registered without quotes.
    return msgspec.json.decode(text) if text.lstrip()[:1] in ('"', "{", "[") else text


def _refuse(reason: str) -> PayloadFunction:
    def refuse(payload: bytes) -> bytes:
        raise MessageError(reason)

    return refuse


# Many ids may drop an answer between the question and its use.
_FORGOTTEN = _Entry(_refuse("the schema registry does not know it"), 0.0)
