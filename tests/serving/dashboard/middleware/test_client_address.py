"""Whose address counts, and who cannot make up another one."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from fraud.errors import ConfigurationError
from serving.dashboard.middleware.client_address import ClientAddresses
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import PASSWORDS, DashboardServer, run_dashboard

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"), ip_network("192.0.2.1"))
CLIENT = "203.0.113.9"


def find(peer: str, *forwarded: str, proxies: Any = PROXIES) -> str:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    return ClientAddresses(proxies).find({"client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # a load balancer, and an ingress controller behind it
        ("10.1.1.1", [CLIENT], CLIENT),
        ("10.1.1.1", [f"{CLIENT}, 10.2.2.2"], CLIENT),
        ("10.1.1.1", [CLIENT, "10.2.2.2"], CLIENT),
        ("192.0.2.1", [f"{CLIENT}:4711"], CLIENT),
        ("2001:db8:1::7", ["2001:db8:9::1"], "2001:db8:9::1"),
        ("10.1.1.1", ["[2001:db8:9::1]:443"], "2001:db8:9::1"),
        ("::ffff:10.1.1.1", [CLIENT], CLIENT),
        ("10.1.1.1", ["::ffff:203.0.113.9"], CLIENT),
        # only proxies in the chain, and no header at all
        ("10.1.1.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.1.1.1", [], "10.1.1.1"),
        # what the client wrote stands to the left of what the proxies wrote
        ("10.1.1.1", [f"127.0.0.1, 198.51.100.1, {CLIENT}"], CLIENT),
        ("10.1.1.1", [f"10.9.9.9, {CLIENT}, 10.2.2.2"], CLIENT),
        ("10.1.1.1", ["198.51.100.1", f"{CLIENT}, 10.2.2.2"], CLIENT),
        # nobody who is no proxy is believed
        (CLIENT, ["127.0.0.1"], CLIENT),
        (CLIENT, ["10.1.1.1, 10.1.1.1"], CLIENT),
        ("192.0.2.2", ["198.51.100.1"], "192.0.2.2"),
        # what is no address ends the search at the last proxy
        ("10.1.1.1", ["unknown"], "10.1.1.1"),
        ("10.1.1.1", [f"{CLIENT}, <script>, 10.2.2.2"], "10.2.2.2"),
        ("10.1.1.1", ["\xe9\xe9"], "10.1.1.1"),
        ("10.1.1.1", [","], "10.1.1.1"),
        ("10.1.1.1", [", ".join(["127.0.0.1"] * 5_000 + [CLIENT])], CLIENT),
    ],
)
def test_the_header_is_read_from_the_right_as_far_as_proxies_wrote_it(
    peer: str, forwarded: list[str], expected: str
) -> None:
    assert find(peer, *forwarded) == expected


def test_without_trusted_proxies_the_header_counts_for_nothing() -> None:
    assert find("127.0.0.1", CLIENT, proxies=()) == "127.0.0.1"
    assert ClientAddresses(()).find({"client": None, "headers": []}) == ""


def test_only_behind_tls_is_a_proxy_of_this_machine_trusted_by_itself(make_settings: SettingsFactory) -> None:
    for section in ("dashboard", "gateway"):
        assert getattr(make_settings(), section).proxies == ()
        behind = getattr(make_settings(**{section: {"behind_tls": True}}), section)
        assert ip_network("127.0.0.0/8") in behind.proxies
        named = getattr(make_settings(**{section: {"behind_tls": True, "trusted_proxies": []}}), section)
        assert named.proxies == ()
        with pytest.raises(ConfigurationError, match="TRUSTED_PROXIES"):
            make_settings(**{section: {"trusted_proxies": ["10.0.0.1/8"]}})


@pytest.fixture(params=["trusted", "untrusted"])
def proxied(
    request: pytest.FixtureRequest, make_settings: SettingsFactory
) -> Iterator[tuple[bool, DashboardServer]]:
    """A dashboard whose peers, on this machine, are trusted proxies or are not."""
    networks = ["127.0.0.0/8"] if request.param == "trusted" else ["10.0.0.0/8"]
    dashboard = {"trusted_proxies": networks, "lockout_failures_of_address": 3}
    settings = make_settings(kafka={"request_timeout_s": 0.2}, dashboard=dashboard)
    with run_dashboard(settings) as one:
        yield request.param == "trusted", one


def test_the_audit_and_the_locks_have_the_clients_address(proxied: tuple[bool, DashboardServer]) -> None:
    is_trusted, dashboard = proxied
    browser = dashboard.browser()
    # when one client fails with three names, each time with another made-up address in front
    for number in range(3):
        forwarded = f"198.51.100.{number}, {CLIENT}"
        body = {"name": f"name{number}", "password": "not this one"}
        assert browser.post("login", body, **{"X-Forwarded-For": forwarded}).status_code == 401
    # then its address is locked: the one that the proxy wrote, or that of the connection
    body = {"name": "vera", "password": PASSWORDS["vera"]}
    again = browser.post("login", body, **{"X-Forwarded-For": f"198.51.100.77, {CLIENT}"})
    assert again.status_code == 429
    # and another one is free only if the proxy is to be believed
    other = browser.post("login", body, **{"X-Forwarded-For": "203.0.113.10"})
    assert other.status_code == (200 if is_trusted else 429)
    query = "SELECT DISTINCT subject FROM audit WHERE action = 'login refused'"
    with dashboard.context.store.reading() as connection:
        found = connection.exec_driver_sql(query).scalars().all()
    assert found == [CLIENT if is_trusted else "127.0.0.1"]
