"""Settings of librdkafka for each SASL mechanism."""

from typing import Any

from fraud.kafka.login.msk import token_callback
from fraud.settings import KafkaSettings


def login_config(kafka: KafkaSettings) -> dict[str, Any]:
    """What a client needs to log in; None where there is no value.

    Raises:
        ConfigurationError: AWS_MSK_IAM is wanted, and its package is not installed.
    """
    if kafka.sasl_mechanism == "OAUTHBEARER":
        return _oidc(kafka)
    if kafka.sasl_mechanism == "AWS_MSK_IAM":
        # To a broker it is OAUTHBEARER, with a signed request as the token.
        return {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": token_callback(str(kafka.aws_region))}
    return {
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": _password(kafka),
    }


def _oidc(kafka: KafkaSettings) -> dict[str, Any]:
    """Client credentials; librdkafka fetches the token itself, and a new one before it expires."""
    return {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": kafka.oauth_token_url,
        "sasl.oauthbearer.client.id": kafka.sasl_username,
        "sasl.oauthbearer.client.secret": _password(kafka),
        "sasl.oauthbearer.scope": kafka.oauth_scope,
        "sasl.oauthbearer.extensions": kafka.oauth_extensions,
        "https.ca.location": None if kafka.oauth_ca_location is None else str(kafka.oauth_ca_location),
    }


def _password(kafka: KafkaSettings) -> str | None:
    return None if kafka.sasl_password is None else kafka.sasl_password.get_secret_value()
