"""The connection to MLflow: a client that gives up after seconds, and its failures as one sentence.

By default MLflow retries an unreachable server for minutes. It takes its limits from environment variables
alone, so `connect` sets them from the settings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fraud.errors import FraudError, RefusedError, UnreachableError
from fraud.settings import Settings

_REFUSALS = (401, 403)


def connect(settings: Settings) -> Any:
    """An `MlflowClient` that gives up after seconds; MLflow's fluent functions use the same server."""
    import mlflow
    from mlflow import environment_variables as mlflow_environment

    mlflow_environment.MLFLOW_HTTP_REQUEST_TIMEOUT.set(settings.registry.request_timeout_s)
    mlflow_environment.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(settings.registry.request_retries)
    mlflow_environment.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
    mlflow_environment.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    mlflow.set_tracking_uri(settings.tracking_uri)
    return mlflow.MlflowClient(settings.tracking_uri)


@contextmanager
def mlflow_client(settings: Settings) -> Iterator[Any]:
    """A client for the block; any failure of MLflow in it becomes an `UnreachableError`.

    Raises:
        RefusedError: MLflow does not know our user or its password, or lets it not do this.
        UnreachableError: MLflow does not answer.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield connect(settings)
    except FraudError:
        raise
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        if _is_refusal(error):
            raise RefusedError(
                f"MLflow at {_without_password(settings.tracking_uri)} refuses us: set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a user that may do this"
            ) from error
        raise UnreachableError(
            f"MLflow at {_without_password(settings.tracking_uri)} failed ({_summarise(error, settings)}); "
            "check FRAUD_REGISTRY__TRACKING_URI or start the embedded stack with `fraud up`"
        ) from error


def experiment_id(settings: Settings) -> str:
    """The id of the settings' experiment, which is created where there is none.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    with mlflow_client(settings) as client:
        found = client.get_experiment_by_name(settings.registry.experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(settings.registry.experiment, _artifact_location(settings)))


def is_missing(error: Exception) -> bool:
    """Whether MLflow says that the model, version, alias or run does not exist."""
    code = getattr(error, "error_code", None)
    no_such_alias = code == "INVALID_PARAMETER_VALUE" and "alias" in str(error)
    return code == "RESOURCE_DOES_NOT_EXIST" or no_such_alias


def _is_refusal(error: Exception) -> bool:
    """Whether MLflow answers that we are not who may do this; it gives no code of its own for that."""
    code = getattr(error, "error_code", None)
    status = getattr(getattr(error, "response", None), "status_code", None)
    is_plain = any(f"failed with error code {one}" in str(error) for one in _REFUSALS)
    return code in ("PERMISSION_DENIED", "UNAUTHENTICATED") or status in _REFUSALS or is_plain


def _artifact_location(settings: Settings) -> str | None:
    """Where artifacts go with a bare database, whose default is the working directory; None for a server."""
    if settings.tracking_uri.startswith(("http://", "https://")):
        return None
    return (settings.home / "mlartifacts").resolve().as_uri()


def _summarise(error: Exception, settings: Settings) -> str:
    lines = str(error).replace(settings.tracking_uri, _without_password(settings.tracking_uri)).splitlines()
    if any("Max retries exceeded" in line or "timed out" in line for line in lines):
        return "it does not answer"
    return lines[0][:200] if lines else type(error).__name__


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
