"""Which messages of the log are signed: by a header with the signature of the message's very bytes.

Anyone who may write to the topic, and has no key, changes nothing: not by an event of their own, nor by one
that somebody else signed before. A log that is older than the first key is signed as a whole, once.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fraud.errors import SignatureError
from fraud.messages.decoding import MessageError
from fraud.signing.keys import TrustedKeys
from fraud.signing.signers import Signer

if TYPE_CHECKING:
    from confluent_kafka import Message

SIGNATURE_HEADER = "signature"


def sign_event(signer: Signer, value: bytes) -> str:
    """The signature of an event's message."""
    return signer.sign("policy-event", value)


def signature_of(message: "Message") -> str:
    """The signature in a message's headers; empty without one."""
    for name, content in message.headers() or ():
        if name == SIGNATURE_HEADER and isinstance(content, bytes):
            return content.decode(errors="replace")
    return ""


def log_digest(values: Iterable[bytes | None]) -> str:
    """Hash of the log's first messages, 64 hex digits."""
    digest = hashlib.sha256()
    for value in values:
        content = value or b""
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class SignatureCheck:
    """Checks one log, message after message.

    Attributes:
        unsigned: how many messages had no signature that counts.
        is_signed: whether one had.
    """

    def __init__(self, keys: TrustedKeys) -> None:
        self._keys = keys
        self._seen: set[bytes] = set()
        self.unsigned = 0
        self.is_signed = False

    def require_signed(self, value: bytes | None, signature: str) -> None:
        """See that the message is signed, and is none that was in the log before.

        Raises:
            MessageError: it is not, or was.
        """
        try:
            self._keys.verify("policy-event", value or b"", signature)
        except SignatureError as error:
            self.unsigned += 1
            raise MessageError(f"the event {error}, so that it changes nothing") from None
        identity = hashlib.sha256(value or b"").digest()
        if identity in self._seen:
            self.unsigned += 1
            raise MessageError("the event is a copy of one that was signed and written before")
        self._seen.add(identity)
        self.is_signed = True
