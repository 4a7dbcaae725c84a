"""Who signs: a private key in a file, or a key of AWS KMS that never leaves it."""

import os
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fraud.errors import ConfigurationError
from fraud.settings import Settings
from fraud.signing.keys import Purpose, raw_key, read_key_file, signature_text, signed_bytes

_OTHERS = 0o077


class Signer(Protocol):
    """Signs content, for which it has a key."""

    def sign(self, purpose: Purpose, content: bytes) -> str:
        """The signature of the content for a purpose, as `TrustedKeys.verify` takes it.

        Raises:
            UnreachableError: the key is with a server that does not answer, or refuses.
        """


class FileSigner:
    """Signs with the private key of a file."""

    def __init__(self, file: Path) -> None:
        """Read the key.

        Raises:
            ConfigurationError: the file has no Ed25519 private key, or others may read it.
        """
        self._key = read_private_key(file)

    def sign(self, purpose: Purpose, content: bytes) -> str:
        """The signature of the content for a purpose."""
        signature = self._key.sign(signed_bytes(purpose, content))
        return signature_text(self._key.public_key(), signature)


def find_signer(settings: Settings) -> Signer | None:
    """Who signs by the settings; None where nobody needs to.

    Raises:
        ConfigurationError: signatures are required and no key is configured, or it cannot be used.
    """
    signing = settings.signing
    if signing.kms_key is not None:
        from fraud.signing.kms import KmsSigner

        return KmsSigner.connect(signing.kms_key)
    if signing.private_key is not None:
        return FileSigner(signing.private_key)
    if signing.is_required:
        raise ConfigurationError(
            "signatures are required and this process has no key to sign with: set "
            "FRAUD_SIGNING__PRIVATE_KEY to its file, or FRAUD_SIGNING__KMS_KEY"
        )
    return None


def read_private_key(file: Path) -> Ed25519PrivateKey:
    """The private key of a file: PEM, or one line with its 32 bytes as Base64.

    Raises:
        ConfigurationError: it has none, cannot be read, or others may read it.
    """
    content = read_key_file(file)
    _require_private(file)
    try:
        if b"PRIVATE KEY" not in content:
            return Ed25519PrivateKey.from_private_bytes(raw_key(content))
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"{file} has no Ed25519 private key as PEM without a password, or one line of Base64"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{file} has a private key of another kind; only Ed25519 is taken")
    return key


def _require_private(file: Path) -> None:
    """See that a key of this user is this user's alone; secrets that are mounted belong to another one."""
    status = file.stat()
    if status.st_uid == os.getuid() and status.st_mode & _OTHERS:
        raise ConfigurationError(f"others than you may read the key file {file}: chmod 600 {file}")
