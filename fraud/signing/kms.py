"""Signing with AWS KMS: an asymmetric key of the kind ECC_NIST_EDWARDS25519, which never leaves it."""

from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fraud.errors import ConfigurationError, UnreachableError
from fraud.signing.keys import Purpose, signature_text, signed_bytes

_TIMEOUT_S = 5


class KmsSigner:
    """Signs by KMS's operation `Sign`; the public key comes from `GetPublicKey`."""

    def __init__(self, client: Any, key: str) -> None:
        self._client, self._name = client, key
        self._key: Ed25519PublicKey | None = None

    @classmethod
    def connect(cls, key: str) -> Self:
        """A signer with the credentials of this process, for a key's ARN, id or alias."""
        import boto3
        from botocore.config import Config

        retries = {"total_max_attempts": 2}
        limits = Config(connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries=retries)
        return cls(boto3.client("kms", config=limits, region_name=_region(key)), key)

    def sign(self, purpose: Purpose, content: bytes) -> str:
        """The signature of the content for a purpose; KMS takes 4,096 bytes at most.

        Raises:
            ConfigurationError: the key is of another kind.
            UnreachableError: KMS does not answer, or refuses.
        """
        key = self.public_key()
        answer = self._call(
            "sign",
            Message=signed_bytes(purpose, content),
            MessageType="RAW",
            SigningAlgorithm="ED25519_SHA_512",
        )
        return signature_text(key, answer["Signature"])

    def public_key(self) -> Ed25519PublicKey:
        """The key's public half, which those who verify trust.

        Raises:
            ConfigurationError: the key is of another kind.
            UnreachableError: KMS does not answer, or refuses.
        """
        if self._key is None:
            found = load_der_public_key(self._call("get_public_key")["PublicKey"])
            if not isinstance(found, Ed25519PublicKey):
                raise ConfigurationError(
                    f"the KMS key {self._name} is of another kind; make one of the key spec "
                    "ECC_NIST_EDWARDS25519 for SIGN_VERIFY"
                )
            self._key = found
        return self._key

    def _call(self, operation: str, **arguments: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found: dict[str, Any] = getattr(self._client, operation)(KeyId=self._name, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise UnreachableError(
                f"KMS does not {operation.replace('_', ' ')} with {self._name}: {error}; check "
                "FRAUD_SIGNING__KMS_KEY and the permissions kms:Sign and kms:GetPublicKey"
            ) from None
        return found


def _region(key: str) -> str | None:
    """The region that an ARN names; None: that of the process."""
    parts = key.split(":")
    return parts[3] if len(parts) > 3 and parts[0] == "arn" else None
