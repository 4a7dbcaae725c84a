"""Tokens for Amazon MSK: a request signed with the role of this process (IAM)."""

from collections.abc import Callable
from typing import Any

from fraud.errors import ConfigurationError, RefusedError


def token_callback(region: str) -> Callable[[str], tuple[str, float]]:
    """The function that librdkafka calls for a new token; gives the token and when it expires, in seconds.

    The first token is made here: librdkafka waits ten seconds for one, and does not say why none came.

    Raises:
        ConfigurationError: the package that signs is not installed.
        RefusedError: the process has no role, or its credentials cannot be had.
    """
    signer = _signer()
    first = [_token(signer, region)]
    return lambda _: first.pop() if first else _token(signer, region)


def _token(signer: Any, region: str) -> tuple[str, float]:
    try:
        token, expires_ms = signer.generate_auth_token(region)
    except Exception as error:
        # Whatever boto3 raises on its way through the places where credentials may be.
        reason = " ".join(str(error).split())
        raise RefusedError(
            f"there is no token for the role of this process at Kafka: {reason}; give it credentials of AWS, "
            "such as a role of the pod's service account"
        ) from None
    return token, expires_ms / 1_000


def _signer() -> Any:
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
    except ImportError:
        raise ConfigurationError(
            "FRAUD_KAFKA__SASL_MECHANISM AWS_MSK_IAM needs a package that is not installed: "
            "pip install 'fraud-on-kafka[msk]'"
        ) from None
    return MSKAuthTokenProvider
