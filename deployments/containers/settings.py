"""Settings of containers only: the address of a server's database, and how the server is reached."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fraud.errors import ConfigurationError


class ContainerSettings(BaseSettings):
    """Read from `FRAUD_CONTAINER_*`."""

    model_config = SettingsConfigDict(env_prefix="FRAUD_CONTAINER_", frozen=True, env_ignore_empty=True)

    database_uri: SecretStr | None = Field(
        default=None, description="postgresql://user:password@host:port/name?sslmode=..."
    )
    database_ca: Path | None = Field(
        default=None,
        description="certificates that sign the database's: it is then verified, with its name, whatever the "
        "URI says",
    )
    host: str = "0.0.0.0"  # noqa: S104 - a container listens for its pod
    port: int = Field(default=0, ge=0, le=65_535, description="0: the server's usual one")
    artifact_root: str | None = Field(default=None, description="of MLflow: s3://bucket/prefix")
    allowed_hosts: str = Field(
        default="localhost", description="of MLflow: Host headers, each with and without port"
    )
    prefect_api_auth_string: SecretStr | None = Field(
        default=None,
        validation_alias="PREFECT_API_AUTH_STRING",
        description="user:password; Prefect's own variable",
    )
    workers: int = Field(default=2, ge=1, description="of MLflow")
    mlflow_admin_password: SecretStr | None = Field(
        default=None, description="MLflow asks everybody for a user and a password where there is one"
    )
    mlflow_secret_key: SecretStr | None = Field(
        default=None, description="of MLflow's pages; the same for all its workers"
    )
    mlflow_users: dict[str, SecretStr] = Field(default={}, description="name: password, as JSON")


def load_container_settings() -> ContainerSettings:
    """Read the settings.

    Raises:
        ConfigurationError: a value is malformed; names the variable, never its value.
    """
    try:
        return ContainerSettings()
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        variable = f"FRAUD_CONTAINER_{fault['loc'][0]}".upper()
        raise ConfigurationError(f"{variable}: {fault['msg']}") from None
