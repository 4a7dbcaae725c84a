"""A pair of keys in files: the private one is its owner's alone."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fraud.signing.signers import read_private_key


@dataclass(frozen=True)
class KeyFiles:
    """Where the two keys of a pair are."""

    private: Path
    public: Path


def key_files(folder: Path) -> KeyFiles:
    """The files of the pair in a folder, there or not."""
    return KeyFiles(folder / "private.pem", folder / "public.pem")


def make_key_files(folder: Path) -> bool:
    """Make a pair in the folder, unless it has one; returns whether it was made.

    The file of the private key is made with the mode 0600 from the start. A pair that was cut off after it
    gets its public key.
    """
    files = key_files(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_new = not files.private.exists()
    if is_new:
        _write_private(files.private, private_pem(Ed25519PrivateKey.generate()))
    if is_new or not files.public.exists():
        files.public.write_bytes(public_pem(read_private_key(files.private)))
    return is_new


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """A private key as a file has it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half of a private key as a file has it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write_private(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    draft.rename(file)
