"""What a signature covers, and whose counts."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fraud.errors import ConfigurationError, SignatureError
from fraud.settings import SigningSettings
from fraud.signing.key_files import key_files, make_key_files, private_pem, public_pem
from fraud.signing.keys import TrustedKeys, read_public_keys, signature_text, signed_bytes, trusted_keys
from fraud.signing.signers import FileSigner, find_signer
from tests.conftest import SettingsFactory

CONTENT = b'{"version":"7"}'


def signature(key: Ed25519PrivateKey, content: bytes = CONTENT) -> str:
    return signature_text(key.public_key(), key.sign(signed_bytes("promotion", content)))


def test_a_signature_of_a_trusted_key_counts_also_during_a_rotation() -> None:
    former, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = TrustedKeys([former.public_key(), new.public_key()])
    for key in (former, new):
        keys.verify("promotion", CONTENT, signature(key))


def test_a_key_that_is_not_trusted_does_not_count() -> None:
    keys = TrustedKeys([Ed25519PrivateKey.generate().public_key()])
    with pytest.raises(SignatureError, match="a key that is not trusted"):
        keys.verify("promotion", CONTENT, signature(Ed25519PrivateKey.generate()))


def test_a_signature_under_the_id_of_a_trusted_key_does_not_count() -> None:
    # given an attacker who signs with a key of their own, and names the trusted one
    trusted, own = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    forged = signature_text(trusted.public_key(), own.sign(signed_bytes("promotion", CONTENT)))
    # when, then
    with pytest.raises(SignatureError, match="does not match"):
        TrustedKeys([trusted.public_key()]).verify("promotion", CONTENT, forged)


def test_what_was_signed_for_one_purpose_is_nothing_for_another() -> None:
    key = Ed25519PrivateKey.generate()
    with pytest.raises(SignatureError, match="does not match"):
        TrustedKeys([key.public_key()]).verify("policy-event", CONTENT, signature(key))


@pytest.mark.parametrize("text", ["", "-", "0123456789abcdef", "0123456789abcdef:"])
def test_without_a_signature_nothing_counts(text: str) -> None:
    keys = TrustedKeys([Ed25519PrivateKey.generate().public_key()])
    with pytest.raises(SignatureError, match="is not signed"):
        keys.verify("promotion", CONTENT, text)


@pytest.mark.parametrize("encoded", ["?", "AAAA", "é"])
def test_a_mangled_signature_does_not_count(encoded: str) -> None:
    key = Ed25519PrivateKey.generate()
    name = signature(key).partition(":")[0]
    with pytest.raises(SignatureError, match="does not match"):
        TrustedKeys([key.public_key()]).verify("promotion", CONTENT, f"{name}:{encoded}")


def test_keys_are_read_as_pem_and_as_one_line(tmp_path: Path) -> None:
    # given a file with two keys as PEM, and files with each key on one line
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    (tmp_path / "both.pem").write_bytes(b"".join(map(public_pem, keys)))
    raw = keys[0].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    (tmp_path / "public").write_bytes(base64.b64encode(raw) + b"\n")
    private = tmp_path / "private"
    private.write_bytes(base64.b64encode(keys[0].private_bytes_raw()))
    private.chmod(0o600)
    # when, then
    TrustedKeys(read_public_keys(tmp_path / "both.pem")).verify("promotion", CONTENT, signature(keys[1]))
    signed = FileSigner(private).sign("promotion", CONTENT)
    TrustedKeys(read_public_keys(tmp_path / "public")).verify("promotion", CONTENT, signed)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no Ed25519 public key"),
        (b"not a key", "no Ed25519 public key"),
        (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "of another kind",
        ),
    ],
)
def test_a_file_without_a_usable_key_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_public_keys(tmp_path / "key")


def test_a_made_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    # when
    assert make_key_files(tmp_path / "signing")
    files = key_files(tmp_path / "signing")
    # then nobody else reads it, and it is made once
    assert files.private.stat().st_mode & 0o777 == 0o600
    before = files.private.read_bytes()
    assert not make_key_files(tmp_path / "signing")
    assert files.private.read_bytes() == before


def test_a_pair_that_was_cut_off_gets_its_public_key(tmp_path: Path) -> None:
    make_key_files(tmp_path)
    files = key_files(tmp_path)
    before = files.public.read_bytes()
    files.public.unlink()
    assert not make_key_files(tmp_path)
    assert files.public.read_bytes() == before


def test_a_private_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(private_pem(Ed25519PrivateKey.generate()))
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        FileSigner(key)


def test_where_signatures_are_required_and_there_is_no_key_it_is_one_sentence(
    make_settings: SettingsFactory,
) -> None:
    settings = make_settings(signing={"private_key": None})
    with pytest.raises(ConfigurationError, match="FRAUD_SIGNING__PRIVATE_KEY"):
        find_signer(settings)


def test_signatures_are_required_where_keys_are_trusted_unless_it_is_said(
    make_settings: SettingsFactory,
) -> None:
    assert trusted_keys(make_settings()) is not None
    assert trusted_keys(make_settings(signing={"required": False})) is None
    assert not SigningSettings().is_required
    with pytest.raises(ValueError, match="needs signing"):
        SigningSettings(required=True)
