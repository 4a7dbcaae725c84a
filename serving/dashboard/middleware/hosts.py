"""Parses the host of a request into one form, in which hosts are compared.

`Example.COM.:443`, `example.com` and, for an address, `[0:0::1]` and `[::1]` are spellings of one host.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:/?#@\s\\]+)(:(?P<port>\d{0,5}))?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Host:
    """A name or address in lower case, IPv6 without brackets; `port` is None if there is none."""

    name: str
    port: int | None

    def port_for(self, scheme: str) -> int | None:
        """The port, or the default port of the scheme."""
        return _DEFAULT_PORTS.get(scheme) if self.port is None else self.port

    def format_for(self, scheme: str) -> str:
        """The host as browsers write it: without the default port of the scheme."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        port = self.port_for(scheme)
        return name if port == _DEFAULT_PORTS.get(scheme) else f"{name}:{port}"


def parse_host(text: str) -> Host | None:
    """The host of a `Host` header or of the setting; None if it is malformed."""
    match = _HOST.fullmatch(text.strip())
    name = _canonical(match["name"]) if match else ""
    if match is None or not name:
        return None
    return Host(name, int(match["port"]) if match["port"] else None)


def parse_origin(text: str) -> tuple[str, Host] | None:
    """Scheme and host of an `Origin` header; None if it is `null` or malformed."""
    try:
        url = urlsplit(text)
    except ValueError:
        return None
    host = parse_host(url.netloc)
    return (url.scheme, host) if host is not None and url.scheme in _DEFAULT_PORTS else None


def _canonical(name: str) -> str:
    if name.startswith("["):
        try:
            return str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return ""
    name = name.removesuffix(".").lower()
    try:
        # Browsers send letters of other scripts as "xn--...".
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""
