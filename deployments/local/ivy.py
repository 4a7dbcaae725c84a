"""Fetching jars from a Maven repository, by the Ivy that PySpark carries.

The repository is Maven Central or a mirror of it: the setting `FRAUD_MAVEN_MIRROR`, else what
`~/.m2/settings.xml` names as a mirror of `central`. Proxies are those of the environment.
"""

import os
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from fraud.errors import ConfigurationError
from fraud.machine.java import Java
from fraud.machine.spark_environment import spark_home

Modules = Sequence[tuple[str, str, str]]
"""Organisation, name and revision of each."""

RETRIEVED = "jars"
"""The folder, within the scratch folder, that holds the jars afterwards."""

_MIRROR = "FRAUD_MAVEN_MIRROR"
_CENTRAL = "https://repo1.maven.org/maven2/"
_REALM = re.compile(r'realm="([^"]*)"', re.IGNORECASE)
_TIMEOUT_S = 30.0
_FETCHED = "[SUCCESSFUL ]"
_FAILURES = ("UNRESOLVED", "FAILED", "Exception", "invalid sha1", "invalid md5")


@dataclass(frozen=True)
class Repository:
    """A Maven repository.

    Attributes:
        url: its address, without user and password.
        source: what names it; empty for Maven Central itself.
        user: None asks it without a password.
    """

    url: str
    source: str = ""
    user: str | None = None
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """How an error names it; never with a password."""
        if not self.source:
            return "Maven Central"
        place = urlsplit(self.url)
        return f"{place.scheme}://{place.hostname}{place.path} ({self.source})"


def find_repository(mirror: str | None) -> Repository:
    """The mirror of the settings, else that of `~/.m2/settings.xml`, else Maven Central.

    Raises:
        ConfigurationError: the mirror is no http or https address.
    """
    if mirror is not None:
        return _checked(Repository(mirror, _MIRROR))
    file = Path.home() / ".m2" / "settings.xml"
    found = mirror_of_central(file)
    return _checked(Repository(found, str(file))) if found else Repository(_CENTRAL)


def mirror_of_central(file: Path) -> str | None:
    """The address of the first mirror in a Maven settings file that stands for Maven Central."""
    try:
        tree = ET.parse(file)  # noqa: S314
    except (OSError, ET.ParseError):
        return None
    for mirror in tree.iterfind("{*}mirrors/{*}mirror"):
        of, url = (mirror.findtext(f"{{*}}{name}", "").strip() for name in ("mirrorOf", "url"))
        if url and _stands_for_central(of):
            return url
    return None


def run_ivy(
    java: Java, repository: Repository, modules: Modules, scratch: Path, fetched: Callable[[], None]
) -> str | None:
    """Fetch the modules and what they need into `scratch/jars`; returns None, or what went wrong.

    Ivy works in the scratch folder with relative names: its patterns give brackets a meaning, which the
    path of a home or of a cache may contain.
    """
    (scratch / "ivy.xml").write_text(_description(modules), encoding="utf-8")
    _write_for_owner(scratch / "ivysettings.xml", _settings(repository, _realm(repository, modules)))
    # fmt: off
    command = [
        str(java.executable), *java.options(), "-cp", _class_path(), "org.apache.ivy.Main",
        "-settings", "ivysettings.xml", "-cache", "ivy", "-ivy", "ivy.xml", "-confs", "default",
        "-types", "jar", "bundle", "-retrieve", f"{RETRIEVED}/[artifact]-[revision].[ext]",
    ]
    # fmt: on
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=scratch,
        env=_environment(urlsplit(repository.url).hostname or ""),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        problem = _follow(process.stdout or (), fetched)
    return None if process.returncode == 0 else problem


def _write_for_owner(file: Path, text: str) -> None:
    """Write a file that nobody else may read, whatever the umask; an earlier one is replaced."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def proxy_options(host: str, proxies: Mapping[str, str]) -> list[str]:
    """Java's system properties for the proxies of the environment; none if `host` is to be reached directly.

    Args:
        host: of the repository.
        proxies: by scheme, as `urllib.request.getproxies` gives them.
    """
    if urllib.request.proxy_bypass(host):
        return []
    options = []
    for scheme in ("http", "https"):
        address = proxies.get(scheme) or proxies.get("all")
        if address:
            options += _options(scheme, address)
    return options


def _options(scheme: str, address: str) -> list[str]:
    place = urlsplit(address if "://" in address else f"http://{address}")
    if place.scheme.startswith("socks"):
        return [f"-DsocksProxyHost={place.hostname}", f"-DsocksProxyPort={place.port or 1080}"]
    options = [f"-D{scheme}.proxyHost={place.hostname}", f"-D{scheme}.proxyPort={place.port or 80}"]
    if place.username:
        options += [
            f"-D{scheme}.proxyUser={unquote(place.username)}",
            f"-D{scheme}.proxyPassword={unquote(place.password or '')}",
            # Java otherwise refuses to send a password to a proxy on the way to an https address.
            "-Djdk.http.auth.tunneling.disabledSchemes=",
        ]
    return options


def _environment(host: str) -> dict[str, str]:
    """With the proxies in a variable, for others may read a command line and a proxy has a password.

    The mirror's own variable, which may hold a password, is left out: Ivy reads its file.
    """
    options = " ".join(_quoted(option) for option in proxy_options(host, urllib.request.getproxies()))
    others = os.environ.get("JDK_JAVA_OPTIONS", "")
    inherited = {name: text for name, text in os.environ.items() if name != _MIRROR}
    return inherited | ({"JDK_JAVA_OPTIONS": f"{others} {options}".strip()} if options else {})


def _quoted(option: str) -> str:
    return "'" + option.replace("'", "'\"'\"'") + "'"


def _class_path() -> str:
    """Ivy alone: with Spark's HTTP client beside it, it would show a proxy no password."""
    folder = spark_home() / "jars"
    return os.pathsep.join(
        str(jar) for name in ("ivy", "commons-cli") for jar in folder.glob(f"{name}-*.jar")
    )


def _follow(lines: Iterable[str], fetched: Callable[[], None]) -> str:
    problem = "no answer"
    for line in lines:
        if _FETCHED in line:
            fetched()
        elif any(sign in line for sign in _FAILURES):
            problem = line.strip()
    return problem


def _description(modules: Modules) -> str:
    dependencies = "".join(
        f'<dependency org="{organisation}" name="{name}" rev="{revision}" conf="default"/>'
        for organisation, name, revision in modules
    )
    return (
        '<ivy-module version="2.0"><info organisation="fraud" module="embedded-kafka"/>'
        f"<dependencies>{dependencies}</dependencies></ivy-module>"
    )


def _settings(repository: Repository, realm: str = "") -> str:
    root = quoteattr(repository.url.rstrip("/") + "/")
    return (
        f'<ivysettings><settings defaultResolver="repository"/>{_credentials(repository, realm)}<resolvers>'
        f'<ibiblio name="repository" m2compatible="true" root={root}/></resolvers></ivysettings>'
    )


def _credentials(repository: Repository, realm: str) -> str:
    """User and password for the repository's host and realm alone; Ivy sends them nowhere else."""
    if repository.user is None:
        return ""
    host = urlsplit(repository.url).hostname or ""
    named = {"host": host, "realm": realm, "username": repository.user, "passwd": repository.password}
    return f"<credentials {' '.join(f'{name}={quoteattr(text)}' for name, text in named.items())}/>"


def _realm(repository: Repository, modules: Modules) -> str:
    """What the repository calls the place that it guards, asked without the password; empty if nothing."""
    if repository.user is None:
        return ""
    organisation, name, revision = modules[0]
    folder = f"{organisation.replace('.', '/')}/{name}/{revision}"
    request = urllib.request.Request(  # noqa: S310
        f"{repository.url.rstrip('/')}/{folder}/{name}-{revision}.pom", method="HEAD"
    )
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()  # noqa: S310
    except HTTPError as refusal:
        found = _REALM.search(refusal.headers.get("WWW-Authenticate", ""))
        return found[1] if found else ""
    except (OSError, ValueError):
        pass  # Ivy meets the same, and its sentence names the repository
    return ""


def _checked(repository: Repository) -> Repository:
    place = _split(repository.url)
    if place is None or place.scheme not in ("http", "https") or not place.hostname:
        raise ConfigurationError(
            f"{repository.source} names no http or https address of a Maven repository; correct it"
        )
    if place.username is None:
        return repository
    bare = place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()
    user, password = unquote(place.username), unquote(place.password or "")
    return replace(repository, url=bare, user=user, password=password)


def _split(url: str) -> SplitResult | None:
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError:
        return None
    return place


def _stands_for_central(mirror_of: str) -> bool:
    """Maven's rule: `*`, `external:*` and names, separated by commas; `!name` takes one out."""
    parts = {part.strip() for part in mirror_of.split(",")}
    return "!central" not in parts and bool(parts & {"central", "*", "external:*"})
