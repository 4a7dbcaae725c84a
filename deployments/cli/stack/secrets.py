"""`fraud secrets`: generated passwords for the compose file, in a file that is never committed."""

import base64
import os
import secrets as random
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fraud.cards.pseudonyms import new_key
from fraud.errors import ConfigurationError
from fraud.machine.console import Console

KAFKA_USERS = (
    "admin", "dashboard", "flows", "gateway", "policies", "privacy", "producer", "rates", "redrive",
    "replayer", "serving", "topics", "webhooks",
)  # fmt: skip
"""Kafka's administrator, and the identities of the compose file's services and of people's commands."""

NAMES = (
    *(f"KAFKA_{user.upper()}_PASSWORD" for user in KAFKA_USERS),
    "POSTGRES_PASSWORD",
    "MLFLOW_DATABASE_PASSWORD",
    "PREFECT_DATABASE_PASSWORD",
    "DASHBOARD_DATABASE_PASSWORD",
    "PREFECT_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "GRAFANA_PASSWORD",
    "MLFLOW_ADMIN_PASSWORD",
    "MLFLOW_SECRET_KEY",
    "MLFLOW_FLOWS_PASSWORD",
    "MLFLOW_DASHBOARD_PASSWORD",
    "MLFLOW_SERVING_PASSWORD",
    "SNAPSHOT_KEY",
)
SIGNING_NAMES = ("SIGNING_PRIVATE_KEY", "SIGNING_PUBLIC_KEY")
CARDS_KEY = "CARDS_KEY"
"""Makes pseudonyms of card numbers."""


def secrets(
    file: Annotated[Path, typer.Argument(help="The env file of the compose file.")] = Path(
        "deployments/.env"
    ),
) -> None:
    """The command `fraud secrets`; `deployments.cli.commands` has its summary."""
    count = len(write_secrets(file))
    Console().print(
        f"{file} holds {count} new secrets; docker compose --file deployments/compose.yaml up --wait "
        "reads them"
    )


def new_secrets() -> dict[str, str]:
    """A password for each name; the keys of models and policies, as Base64, and of cards."""
    key = Ed25519PrivateKey.generate()
    pair = (key.private_bytes_raw(), key.public_key().public_bytes_raw())
    signing = {name: base64.b64encode(raw).decode() for name, raw in zip(SIGNING_NAMES, pair, strict=True)}
    return {name: random.token_hex(20) for name in NAMES} | signing | {CARDS_KEY: new_key()}


def write_secrets(file: Path) -> list[str]:
    """Write one secret a line, readable by its owner alone; returns the names of those that were missing.

    Raises:
        ConfigurationError: none is missing: what is up was set up with them; or the file cannot be written.
    """
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        known = {line.partition("=")[0].strip() for line in before.splitlines()}
        missing = {name: secret for name, secret in new_secrets().items() if name not in known}
        # Half a pair of keys is none.
        if 0 < len(missing.keys() & set(SIGNING_NAMES)) < len(SIGNING_NAMES):
            raise ConfigurationError(f"{file} has one of {' and '.join(SIGNING_NAMES)}; remove that line")
        if not missing:
            raise ConfigurationError(
                f"{file} exists, and the databases know its passwords; remove it together with the volumes"
            )
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from None
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write("\n" if before and not before.endswith("\n") else "")
        opened.write("".join(f"{name}={secret}\n" for name, secret in missing.items()))
    return list(missing)
