"""A token for Amazon MSK: a request to one region's Kafka, signed for a quarter of an hour."""

import base64
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from fraud.errors import ConfigurationError
from fraud.kafka.clients import client_config
from fraud.kafka.login.msk import token_callback
from fraud.settings import load_settings

ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "a secret key of no account"


@pytest.fixture(autouse=True)
def _role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of a role")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_request(token: str) -> tuple[str, dict[str, str]]:
    """Host and query of the request that a token is."""
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    assert url.scheme == "https"
    return url.netloc, {name: values[0] for name, values in parse_qs(url.query).items()}


def test_the_token_is_a_signed_request_to_connect() -> None:
    # when
    token, expires_s = token_callback("eu-west-1")("")
    # then it is a request to this region, signed by the role, and says nothing of its secret
    host, query = signed_request(token)
    assert host == "kafka.eu-west-1.amazonaws.com"
    assert query["Action"] == "kafka-cluster:Connect"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].startswith(f"{ACCESS_KEY}/")
    assert query["X-Amz-Credential"].endswith("/eu-west-1/kafka-cluster/aws4_request")
    assert query["X-Amz-Security-Token"] == "of a role"
    assert SECRET_KEY not in str(query)
    # and librdkafka fetches the next one in time
    assert float(query["X-Amz-Expires"]) == 900
    assert 800 < expires_s - time.time() <= 900


def test_to_a_broker_it_is_oauthbearer_without_a_name_or_password() -> None:
    kafka = {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM", "aws_region": "eu-west-1"}
    config = client_config(load_settings(kafka=kafka))
    assert (config["sasl.mechanism"], config["security.protocol"]) == ("OAUTHBEARER", "SASL_SSL")
    assert not {"sasl.username", "sasl.password", "sasl.oauthbearer.method"} & config.keys()
    token, _ = config["oauth_cb"]("")
    assert signed_request(token)[0] == "kafka.eu-west-1.amazonaws.com"


def test_without_the_package_the_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'fraud-on-kafka\[msk\]'"):
        token_callback("eu-west-1")
