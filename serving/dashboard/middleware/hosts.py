"""The host that a request names, in the one form in which hosts are compared.

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
    """A name or address in lower case, one of IPv6 without brackets; `port` is None if it is not there."""

    name: str
    port: int | None

    def port_for(self, scheme: str) -> int | None:
        """The port that is meant under a scheme."""
        return _DEFAULT_PORTS.get(scheme) if self.port is None else self.port

    def written_for(self, scheme: str) -> str:
        """As browsers write it: without the scheme's own port."""
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
    """Scheme and host of an `Origin` header; None for `null` and whatever is malformed."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    host = parse_host(parts.netloc)
    return (parts.scheme, host) if host is not None and parts.scheme in _DEFAULT_PORTS else None


def _canonical(name: str) -> str:
    if name.startswith("["):
        try:
            return str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return ""
    name = name.removesuffix(".").lower()
    try:
        # Browsers send the letters of other scripts as "xn--...".
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""
