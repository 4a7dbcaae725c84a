"""Ed25519 public keys that are trusted, and the signatures that they verify.

A signature is text: the key's id, a colon, and the signature's 64 bytes as Base64. It covers its purpose
together with the content, so that what was signed for one thing is nothing for another.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from fraud.errors import ConfigurationError, SignatureError
from fraud.settings import Settings

Purpose = Literal["promotion", "proposal", "policy-event"]

_KEY_BYTES = 32
_PEM_END = b"-----END PUBLIC KEY-----"


class TrustedKeys:
    """The public keys of those who may sign; during a rotation the former one and the next."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    @property
    def ids(self) -> tuple[str, ...]:
        """The keys' ids."""
        return tuple(self._keys)

    def verify(self, purpose: Purpose, content: bytes, signature: str) -> None:
        """See that one of the keys has signed the content for this purpose.

        Raises:
            SignatureError: none has; its text is a clause that follows what was to be signed.
        """
        name, _, encoded = signature.partition(":")
        if not encoded:
            raise SignatureError("is not signed")
        key = self._keys.get(name)
        if key is None:
            raise SignatureError("is signed by a key that is not trusted")
        try:
            key.verify(base64.b64decode(encoded, validate=True), signed_bytes(purpose, content))
        except (InvalidSignature, ValueError):
            raise SignatureError("has a signature that does not match its content") from None


def signed_bytes(purpose: Purpose, content: bytes) -> bytes:
    """What a signature covers."""
    return f"fraud-on-kafka {purpose} 1\n".encode() + content


def signature_text(key: Ed25519PublicKey, signature: bytes) -> str:
    """The signature as text."""
    return f"{key_id(key)}:{base64.b64encode(signature).decode()}"


def key_id(key: Ed25519PublicKey) -> str:
    """What identifies a public key: 16 hex digits."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def trusted_keys(settings: Settings) -> TrustedKeys | None:
    """The keys of the settings' files; None where signatures are not required.

    Raises:
        ConfigurationError: a file has no Ed25519 public key, or cannot be read.
    """
    if not settings.signing.is_required:
        return None
    return TrustedKeys(key for file in settings.signing.trusted_keys for key in read_public_keys(file))


def read_public_keys(file: Path) -> list[Ed25519PublicKey]:
    """The public keys of a file: PEM, one after another, or one line with a key's 32 bytes as Base64.

    Raises:
        ConfigurationError: it has none, or cannot be read.
    """
    content = read_key_file(file)
    try:
        if _PEM_END not in content:
            return [Ed25519PublicKey.from_public_bytes(raw_key(content))]
        parts = content.split(_PEM_END)[:-1]
        keys = [load_pem_public_key(part.lstrip() + _PEM_END + b"\n") for part in parts]
    except ValueError:
        raise ConfigurationError(f"{file} has no Ed25519 public key as PEM or one line of Base64") from None
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if len(found) != len(keys):
        raise ConfigurationError(f"{file} has a public key of another kind; only Ed25519 is taken")
    return found


def read_key_file(file: Path) -> bytes:
    """The content of a key's file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the key file {file} cannot be read: {error.strerror}") from None


def raw_key(content: bytes) -> bytes:
    """The 32 bytes of a key that is written as one line of Base64.

    Raises:
        ValueError: it is none.
    """
    raw = base64.b64decode(content.strip(), validate=True)
    if len(raw) != _KEY_BYTES:
        raise ValueError("not 32 bytes")
    return raw
