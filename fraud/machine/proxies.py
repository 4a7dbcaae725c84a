"""Addresses of this machine are reached directly, whatever proxies the environment names.

Every HTTP client that we use (Prefect's, MLflow's, boto3, urllib, OpenTelemetry's) takes its proxies from the
environment, and so do the processes that we start. So the one place to keep them off a proxy is `NO_PROXY`.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_NAMES = ("no_proxy", "NO_PROXY")
"""Clients differ in which of the two they read first, so both are set, to the same."""


def direct_environment(
    hosts: Iterable[str] = (), environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables that keep this machine's addresses off the proxies; empty where there is no proxy.

    What is excepted already stays so. `hosts` are further names and addresses of this machine: clients take
    a range of addresses literally.
    """
    if not any(value for name, value in environment.items() if name.lower() in _PROXIES):
        return {}
    excepted = [part.strip() for name in _NAMES for part in environment.get(name, "").split(",")]
    value = "*" if "*" in excepted else ",".join(dict.fromkeys(filter(None, (*excepted, *_LOOPBACK, *hosts))))
    return dict.fromkeys(_NAMES, value)


def keep_loopback_direct(settings: Mapping[str, Any]) -> None:
    """Let no client of this process, nor of those that it starts, ask a proxy for this machine's addresses.

    Args:
        settings: in which addresses may stand, at any depth.
    """
    os.environ.update(direct_environment(sorted(set(_local_hosts(settings)))))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address always means this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    if address is None:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or address.is_unspecified


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(name)
    # Short forms such as 127.1, which the system's resolver takes too.
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(name)) if "." in name else None
    return None


def _local_hosts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        host = _host(value)
        return [host] if host and is_loopback(host) else []
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [host for one in inner for host in _local_hosts(one)]


def _host(text: str) -> str | None:
    try:
        return urlsplit(text).hostname if text.startswith(("http://", "https://")) else None
    except ValueError:
        return None
