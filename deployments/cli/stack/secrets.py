"""`fraud secrets`: generated passwords for the compose file, in a file that is never committed."""

import os
import secrets as random
from pathlib import Path
from typing import Annotated

import typer

from fraud.errors import ConfigurationError
from fraud.machine.console import Console

NAMES = (
    "POSTGRES_PASSWORD",
    "MLFLOW_DATABASE_PASSWORD",
    "PREFECT_DATABASE_PASSWORD",
    "PREFECT_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "GRAFANA_PASSWORD",
)


def secrets(
    file: Annotated[Path, typer.Argument(help="The env file of the compose file.")] = Path(
        "deployments/.env"
    ),
) -> None:
    """The command `fraud secrets`; `deployments.cli.commands` has its summary."""
    write_secrets(file)
    Console().print(
        f"{file} holds new secrets; docker compose --file deployments/compose.yaml up --wait reads them"
    )


def write_secrets(file: Path) -> None:
    """Write one secret a line, readable by its owner alone.

    Raises:
        ConfigurationError: the file exists: what is up was set up with its secrets.
    """
    text = "".join(f"{name}={random.token_hex(20)}\n" for name in NAMES)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"{file} exists, and the databases know its passwords; remove it together with the volumes"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
