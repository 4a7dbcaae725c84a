"""One way to decode a message of any topic.

Any fault of a message (its depth, encoding, numbers, or an error inside a library) refuses that message
alone, with one short sentence. So a loop over a topic has to handle one error.
"""

import json
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

import msgspec

from fraud.cards.masking import mask_text
from fraud.errors import DataError

if TYPE_CHECKING:
    from confluent_kafka import Message

PUBLISHED_AT_HEADER = "published_at"
"""When a payment was published (ms since 1970), where its time in Kafka is its own and much earlier."""

FRAUD_TYPE_HEADER = "fraud_type"
"""The header of a label that names the kind of fraud, such as `card_testing`."""
_EARLIER_FRAUD_TYPE_HEADER = "campaign"

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_DEPTH = 32
"""Levels of objects and arrays, the message's own among them."""

MAX_BYTES = 1 << 20
"""The size that Kafka accepts by default."""

_MAX_REASON = 300
_LOG_EVERY_S = 30.0

_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string, whose brackets do not count, or a bracket; a string without an end extends to the end."""

_ECHO = re.compile(r"^(Invalid enum value) .*( - at `)", re.DOTALL)
"""The part of an error in which msgspec repeats the value of the message."""

_MEMBERS = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=str)


_without_readable_headers: deque[tuple[str | None, int | None, int | None]] = deque(maxlen=20_000)
"""Topic, partition and offset of messages whose headers the client could not read; more than a batch has."""

_ask_for_headers = methodcaller("headers")
"""Called in this way: an optimised direct call does not notice that the client has failed."""


class MessageError(DataError):
    """A message cannot be used; the text says why, is short and printable."""

    def __init__(self, reason: str) -> None:
        super().__init__(printable_reason(reason))


class UnreadablePayload(bytes):
    """Stands for a message that could not be brought into JSON, without bytes; `reason` says why."""

    reason: str

    @classmethod
    def because(cls, reason: str) -> "UnreadablePayload":
        """One for a message that is refused for this reason."""
        made = cls()
        made.reason = reason
        return made


def printable_reason(reason: str) -> str:
    """At most 300 characters of the reason: card numbers are masked, what is not printable is a ?."""
    # Masked first: a number that is cut off is not recognised.
    return "".join(one if one.isprintable() else "?" for one in mask_text(reason)[:_MAX_REASON])


class _Members:
    """The declared names of a JSON object and of declared objects in it.

    Attributes:
        names: in the message.
        objects: for each name of an inner object: the attribute that holds its struct, and its members.
        defaults: how many fields have a value although they are absent.
    """

    def __init__(self, names: list[str], objects: dict[str, tuple[str, "_Members"]], defaults: int) -> None:
        self.names, self.objects, self.defaults = names, objects, defaults

    def all_names(self) -> list[str]:
        """The names of all levels."""
        return self.names + [name for _, inner in self.objects.values() for name in inner.all_names()]

    def count_values(self, found: Any) -> int:
        """How many members of the message have given the struct a value."""
        values = msgspec.structs.astuple(found)
        count = len(values) - values.count(None) - self.defaults
        for attribute, inner in self.objects.values():
            struct = getattr(found, attribute)
            if struct is not None:
                count += inner.count_values(struct)
        return count

    def find_repeated(self, pairs: list[tuple[str, Any]]) -> str | None:
        """The path of the first declared name that an object, a list of its members, has twice."""
        names = [name for name, _ in pairs]
        repeated = [name for name in self.names if names.count(name) > 1]
        if repeated:
            return repeated[0]
        for name, value in pairs:
            if name in self.objects and isinstance(value, list):
                found = self.objects[name][1].find_repeated(value)
                if found is not None:
                    return f"{name}.{found}"
        return None


def _members_of(kind: Any) -> _Members:
    fields = msgspec.structs.fields(kind)
    defaults = sum(not field.required and field.default is not None for field in fields)
    structs = {field.encode_name: (field.name, _struct_of(field.type)) for field in fields}
    return _Members(
        [field.encode_name for field in fields],
        {name: (own, _members_of(struct)) for name, (own, struct) in structs.items() if struct is not None},
        defaults,
    )


def _struct_of(kind: Any) -> Any:
    """The struct that a field holds, or None."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


class Decoder(Generic[T]):
    """Decodes messages into a msgspec Struct.

    Beyond what msgspec checks, a message is UTF-8 throughout, is not nested deeper than `MAX_DEPTH`, and has
    no declared name twice in an object, even with equal values: of two amounts another system may take the
    other one.

    Args:
        kind: The Struct.
        check: Called with the decoded message; any error that it raises refuses the message.
        max_bytes: A longer message is refused without decoding.
    """

    def __init__(
        self, kind: type[T], check: Callable[[T], object] | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._check = check
        self._max_bytes = max_bytes
        self._members = _members_of(kind)
        names = self._members.all_names()
        self._quoted = {f'"{name}"'.encode() for name in names}
        # What begins an escape that can stand for a letter of a name.
        self._escape = rb"\u00" if all(map(str.isascii, names)) else rb"\u"

    def decode(self, value: bytes | None) -> T:
        """The message's content.

        Raises:
            MessageError: it cannot be used.
        """
        if value is None:
            raise MessageError("the message is empty")
        if isinstance(value, UnreadablePayload):
            raise MessageError(value.reason)
        if len(value) > self._max_bytes:
            raise MessageError(f"the message has {len(value)} bytes, more than {self._max_bytes}")
        try:
            _require_utf8(value)
            _require_flat(value)
            found = self._decode(value)
            self._require_unique(value, found)
            if self._check is not None:
                self._check(found)
        except MessageError:
            raise
        except Exception as error:
            raise MessageError(_reason(error)) from None
        return found

    def _require_unique(self, value: bytes, found: T) -> None:
        """No declared name may come twice.

        A message has at least as many colons as members. If it has no more than it has fields with a value,
        each of these was named once. So almost no message needs the search for names.
        """
        if value.count(b":") <= self._members.count_values(found):
            return
        if self._escape in value or any(value.count(name) > 1 for name in self._quoted):
            repeated = self._members.find_repeated(_MEMBERS.decode(value.decode()))
            if repeated is not None:
                raise MessageError(f"the message has the field {repeated} more than once")


class MessageReader(Generic[T]):
    """Decodes the messages of a loop; those that cannot be used are logged, and the loop goes on.

    Args:
        kind: the Struct.
        convert: called with each decoded message, gives what is read; any error that it raises refuses the
            message.
        to_json: brings a message into JSON; its errors are the loop's.

    Attributes:
        refused: the number of messages that could not be used.
    """

    def __init__(
        self,
        kind: type[T],
        convert: Callable[[T], T] | None = None,
        to_json: Callable[[bytes | None], bytes | None] = lambda value: value,
    ) -> None:
        self._decoder = Decoder(kind)
        self._convert = convert
        self._to_json = to_json
        self._logged_at = -_LOG_EVERY_S
        self.refused = 0

    def read(self, message: "Message") -> T | None:
        """The message's content; None if it cannot be used."""
        value = self._to_json(message.value())
        try:
            found = self._decoder.decode(value)
            return found if self._convert is None else self._convert(found)
        except MessageError as error:
            self._refuse(message, error)
        except Exception as error:
            self._refuse(message, MessageError(_reason(error)))
        return None

    def _refuse(self, message: "Message", error: MessageError) -> None:
        self.refused += 1
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            log.warning(
                "offset %s of partition %s of %r cannot be read and is left out, like %d so far: %s",
                message.offset(), message.partition(), message.topic(), self.refused, error,
            )  # fmt: skip


def headers_of(message: "Message") -> list[tuple[str, bytes | None]] | None:
    """A message's headers; None if they cannot be read.

    In Kafka the name of a header may be any bytes. At one that is not UTF-8 the client fails, and a second
    call for the same message crashes the process; so there is none.
    """
    position = (message.topic(), message.partition(), message.offset())
    if position in _without_readable_headers:
        return None
    try:
        return _ask_for_headers(message) or []
    except Exception:
        _without_readable_headers.append(position)
        return None


def header(message: "Message", name: str) -> str | None:
    """The text of a message's last header of that name; None if there is none or it cannot be read."""
    found = dict(headers_of(message) or ()).get(name)
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    return text or None


def published_at(message: "Message") -> int:
    """When a message was published, in ms: its header says it, else its time in Kafka.

    Kafka's time is the producer's clock or the broker's, unless the producer sets the time of the event.
    """
    text = header(message, PUBLISHED_AT_HEADER)
    return int(text) if text and text.isascii() and text.isdigit() else int(message.timestamp()[1])


def fraud_type(message: "Message") -> str | None:
    """The kind of fraud that a label's header names; None if it has none.

    Labels written before the header had its present name have it under `campaign`.
    """
    return header(message, FRAUD_TYPE_HEADER) or header(message, _EARLIER_FRAUD_TYPE_HEADER)


def _require_utf8(value: bytes) -> None:
    if value.isascii():
        return
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise MessageError(f"the message is malformed: not UTF-8 at byte {error.start}") from None


def _require_flat(value: bytes) -> None:
    if value.count(b"{") + value.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(value):
        bracket = value[found.start()]
        depth += (bracket in b"[{") - (bracket in b"]}")
        if depth > MAX_DEPTH:
            raise MessageError(f"the message is nested deeper than {MAX_DEPTH} levels")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"the message is nested deeper than {MAX_DEPTH} levels"
    return _ECHO.sub(r"\1\2", str(error)) or f"the message cannot be decoded ({type(error).__name__})"
