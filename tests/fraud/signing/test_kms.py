"""Signing with AWS KMS, against the answers that botocore's model of it allows; no real KMS is asked."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fraud.errors import ConfigurationError, UnreachableError
from fraud.signing.keys import TrustedKeys, signed_bytes
from fraud.signing.kms import KmsSigner

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTENT = b"content"


@pytest.fixture
def kms() -> Iterator[Stubber]:
    client = boto3.client(
        "kms", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stubber:
        yield stubber


def der_of(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_what_kms_signs_counts_for_its_public_key(kms: Stubber) -> None:
    # given a key of KMS, which signs the raw message
    key = Ed25519PrivateKey.generate()
    message = signed_bytes("promotion", CONTENT)
    kms.add_response("get_public_key", {"PublicKey": der_of(key)}, {"KeyId": KEY})
    asked = {"KeyId": KEY, "Message": message, "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
    kms.add_response("sign", {"Signature": key.sign(message)}, asked)
    # when
    signature = KmsSigner(kms.client, KEY).sign("promotion", CONTENT)
    # then
    TrustedKeys([key.public_key()]).verify("promotion", CONTENT, signature)
    kms.assert_no_pending_responses()


def test_a_key_of_another_kind_is_one_sentence(kms: Stubber) -> None:
    kms.add_response("get_public_key", {"PublicKey": der_of(ec.generate_private_key(ec.SECP256R1()))})
    with pytest.raises(ConfigurationError, match="ECC_NIST_EDWARDS25519"):
        KmsSigner(kms.client, KEY).sign("promotion", CONTENT)


def test_a_refusal_of_kms_is_one_sentence(kms: Stubber) -> None:
    kms.add_client_error("get_public_key", "AccessDeniedException", "no")
    with pytest.raises(UnreachableError, match="kms:Sign and kms:GetPublicKey"):
        KmsSigner(kms.client, KEY).sign("promotion", CONTENT)


def test_the_region_is_that_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert KmsSigner.connect(KEY)._client.meta.region_name == "eu-central-1"
