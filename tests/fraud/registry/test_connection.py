import pytest
from mlflow import environment_variables

from fraud.errors import UnreachableError
from fraud.registry.aliases import version_of_alias
from tests.conftest import SettingsFactory


def test_an_unreachable_server_is_a_sentence_without_the_password(make_settings: SettingsFactory) -> None:
    # given a server that does not answer, and credentials in its address
    settings = make_settings(registry={"tracking_uri": "http://user:secret@127.0.0.1:9"})
    # when it is asked
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9") as caught:
        version_of_alias(settings)
    # then the error does not reveal them, and MLflow was held to the limits of the settings
    assert "secret" not in str(caught.value)
    timeout, retries = settings.registry.request_timeout_s, settings.registry.request_retries
    assert environment_variables.MLFLOW_HTTP_REQUEST_TIMEOUT.get() == timeout
    assert environment_variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == retries
