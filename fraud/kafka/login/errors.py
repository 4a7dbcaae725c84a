"""Why a client has no token, or one that the brokers do not take, as one sentence."""

from fraud.errors import RefusedError
from fraud.settings import KafkaSettings

_MISSING = "Failed to acquire SASL OAUTHBEARER token"
_LONGEST_REASON = 200


def token_error(kafka: KafkaSettings, reason: str) -> RefusedError:
    """The error for what librdkafka says of a token; no part of the token is in it."""
    servers, is_missing = kafka.bootstrap_servers, _MISSING in reason
    text = _short(reason)
    if kafka.sasl_mechanism == "AWS_MSK_IAM":
        return RefusedError(
            f"Kafka at {servers} refuses the role of this process: {text}; check that its policy allows "
            "kafka-cluster:Connect, and FRAUD_KAFKA__AWS_REGION"
        )
    client = f"client {kafka.sasl_username!r}"
    if is_missing:
        return RefusedError(
            f"{kafka.oauth_token_url} gives no token to {client}: {text}; set FRAUD_KAFKA__SASL_USERNAME and "
            "FRAUD_KAFKA__SASL_PASSWORD to a client of this issuer, and FRAUD_KAFKA__OAUTH_TOKEN_URL to its "
            "token endpoint"
        )
    return RefusedError(
        f"Kafka at {servers} refuses the token of {client}: {text}; check the issuer and audience that the "
        "brokers expect, and FRAUD_KAFKA__OAUTH_SCOPE"
    )


def _short(reason: str) -> str:
    text = " ".join(reason.partition(" (after")[0].split()).removeprefix(f"{_MISSING}: ")
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
