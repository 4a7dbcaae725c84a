"""Clients that log in with tokens: an issuer's (OAUTHBEARER), and those of a role of AWS."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from fraud.errors import ConfigurationError, FraudError, RefusedError
from fraud.kafka.admin.acl import apply_plan, plan_acls
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.login import msk
from fraud.kafka.topics import create_topics, existing_topics
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.security.tokens import ADMIN, LIFETIME_S, TokenIssuer, TokenKafka, run_token_issuer
from tests.serving.world import read_all, wait_for

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenKafka]:
    with run_token_issuer() as issuer:
        made = TokenKafka(tmp_path_factory.mktemp("tokens"), issuer)
        try:
            made.kafka.start()
            yield made
        finally:
            made.kafka.kill()


@pytest.fixture(autouse=True)
def _honest(cluster: TokenKafka) -> Iterator[None]:
    yield
    cluster.issuer.claims.clear()


def send_one(settings: Settings) -> None:
    """Write one transaction."""
    producer = Producer(producer_config(settings))
    producer.produce(settings.topics.transactions, b"{}", b"card")
    flush(producer, 20)


def test_tokens_are_identities_with_permissions_of_their_own(
    cluster: TokenKafka, make_settings: SettingsFactory
) -> None:
    # given the topics, and a producer with its permissions
    as_admin = make_settings(kafka=cluster.settings_of(ADMIN))
    create_topics(as_admin)
    apply_plan(as_admin, plan_acls(as_admin, {"producer": "User:fraud-producer"}))
    as_producer = make_settings(kafka=cluster.settings_of("fraud-producer"))
    # when it writes what it may, then it is there
    wait_for(lambda: as_producer.topics.transactions in existing_topics(as_producer))
    send_one(as_producer)
    assert len(read_all(as_admin, as_admin.topics.transactions)) == 1
    # and another client of the same issuer does not even see the topic
    as_other = make_settings(kafka=cluster.settings_of("fraud-webhooks"))
    assert as_other.topics.transactions not in existing_topics(as_other)


@pytest.mark.parametrize(
    ("over", "sentence"),
    [
        (
            {"sasl_password": "guessed"},
            r"gives no token to client 'thief'.*FRAUD_KAFKA__SASL_USERNAME and FRAUD_KAFKA__SASL_PASSWORD",
        ),
        ({"oauth_token_url": "http://127.0.0.1:1/token"}, r"127\.0\.0\.1:1/token gives no token"),
        (
            {"sasl_mechanism": "SCRAM-SHA-512"},
            r"does not take SCRAM-SHA-512: set FRAUD_KAFKA__SASL_MECHANISM to one .*OAUTHBEARER",
        ),
    ],
)
def test_who_gets_no_token_gets_one_sentence(
    cluster: TokenKafka, make_settings: SettingsFactory, over: dict[str, Any], sentence: str,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    settings, start = make_settings(kafka=cluster.settings_of("thief", **over)), time.monotonic()
    with pytest.raises(RefusedError, match=sentence) as refused:
        existing_topics(settings)
    assert_one_sentence(refused.value, cluster.issuer)
    assert time.monotonic() - start < 8
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "forged",
    [{"aud": "another service"}, {"iss": "http://127.0.0.1:1"}, {"exp": int(time.time()) - 3_600}],
    ids=["audience", "issuer", "expired"],
)
def test_a_token_for_something_else_does_not_let_in(
    cluster: TokenKafka, make_settings: SettingsFactory, forged: dict[str, Any]
) -> None:
    cluster.issuer.claims.update(forged)
    with pytest.raises(
        RefusedError, match=r"(refuses the token of|gives no token to) client 'thief'"
    ) as refused:
        existing_topics(make_settings(kafka=cluster.settings_of("thief")))
    assert_one_sentence(refused.value, cluster.issuer)


class RoleOfThisProcess:
    """Signs with the issuer's key, so that a broker without AWS can check it; counts how often."""

    def __init__(self, issuer: TokenIssuer) -> None:
        self._issuer, self.regions = issuer, list[str]()

    def generate_auth_token(self, region: str) -> tuple[str, int]:
        """As the package of AWS does it: the token, and when it expires in milliseconds."""
        self.regions.append(region)
        return self._issuer.token(ADMIN), int((time.time() + LIFETIME_S) * 1_000)


def of_a_role(cluster: TokenKafka) -> dict[str, Any]:
    """Settings of a process whose role is its identity."""
    none = {"sasl_username": None, "sasl_password": None, "oauth_token_url": None}
    return cluster.settings_of(ADMIN, sasl_mechanism="AWS_MSK_IAM", aws_region="eu-west-1", **none)


def test_a_role_is_an_identity_without_any_secret(
    cluster: TokenKafka, make_settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a role whose tokens this broker can check
    role = RoleOfThisProcess(cluster.issuer)
    monkeypatch.setattr(msk, "_signer", lambda: role)
    settings = make_settings(kafka=of_a_role(cluster))
    # when an administrator's client, a producer and a consumer use it, then each gets a token
    create_topics(settings)
    send_one(settings)
    assert len(read_all(settings, settings.topics.transactions)) == 1
    assert len(role.regions) >= 3
    assert set(role.regions) == {"eu-west-1"}


def test_without_credentials_of_aws_the_sentence_says_so(
    cluster: TokenKafka, make_settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    # given a process without any
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # when
    with pytest.raises(FraudError, match=r"no token for the role of this process.*credentials") as refused:
        existing_topics(make_settings(kafka=of_a_role(cluster)))
    # then
    assert isinstance(refused.value, ConfigurationError | RefusedError)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def assert_one_sentence(error: FraudError, issuer: TokenIssuer) -> None:
    text = str(error)
    assert "\n" not in text
    assert issuer.secret not in text
    assert "guessed" not in text
    assert "eyJ" not in text, "a token"
