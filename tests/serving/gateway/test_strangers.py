"""Requests without a valid key: where they come from, and how many one address may send."""

import logging

import httpx
import pytest

from serving.gateway import context
from tests.conftest import SettingsFactory
from tests.serving.gateway.conftest import GATEWAY
from tests.serving.gateway.support import GatewayServer, run_gateway

CLIENT, OTHER = "203.0.113.9", "203.0.113.10"


@pytest.fixture(autouse=True)
def _no_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may ask again while a test runs, however slow the machine is."""
    monkeypatch.setattr(context, "_STRANGER_REFILL_S", 3_600.0)


def ask(gateway: GatewayServer, forwarded: str, key: str = "fk_made_up") -> httpx.Response:
    headers = {"X-Forwarded-For": forwarded}
    return gateway.request("GET", "/v1/decisions/t1", key=key, headers=headers)


def test_an_address_that_guesses_keys_is_slowed_down_and_named_in_the_log(
    make_settings: SettingsFactory, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(
        kafka={"request_timeout_s": 0.2}, gateway=GATEWAY | {"trusted_proxies": ["127.0.0.0/8"]}
    )
    with run_gateway(settings, wait=False) as gateway, caplog.at_level(logging.WARNING):
        # when one client behind the proxy guesses, with another made-up address each time
        codes = [ask(gateway, f"198.51.100.{number}, {CLIENT}").status_code for number in range(40)]
        # then it has to wait
        assert codes[:30] == [401] * 30
        assert codes[-1] == 429
        # while others, and callers with a key from the same address, are not
        assert ask(gateway, OTHER).status_code == 401
        assert ask(gateway, CLIENT, gateway.key).status_code == 404
    text = caplog.text
    assert f"from {CLIENT}" in text
    assert "198.51.100." not in text
    assert "fk_made_up" not in text


def test_a_made_up_address_of_who_is_no_proxy_is_ignored(
    make_settings: SettingsFactory, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(kafka={"request_timeout_s": 0.2}, gateway=GATEWAY | {"behind_tls": False})
    with run_gateway(settings, wait=False) as gateway, caplog.at_level(logging.WARNING):
        codes = [ask(gateway, f"198.51.100.{number}").status_code for number in range(40)]
    assert codes[-1] == 429
    assert "from 127.0.0.1" in caplog.text
    assert "198.51.100." not in caplog.text
