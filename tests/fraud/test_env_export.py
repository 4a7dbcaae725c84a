"""Settings travel to other processes."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from fraud.env_export import environment_variables
from fraud.settings import load_settings


def test_another_process_loads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given settings of many kinds, none of them as usual
    settings = load_settings(
        home=tmp_path,
        kafka={"sasl_username": "serving", "sasl_password": SecretStr("sesame"), "partitions": 7},
        admission={"lateness": "PT7H"},
        dashboard={"oidc": {"roles": {"fraud-team": "analyst"}, "scopes": ["openid"]}},
    )
    # when
    for name, value in environment_variables(settings).items():
        monkeypatch.setenv(name, value)
    # then
    assert load_settings() == settings
    assert settings.kafka.sasl_password is not None
