"""Jars through mirrors and proxies: real Ivy, a real proxy, a repository on this machine."""

import functools
import os
import stat
import subprocess
import threading
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from deployments.local import ivy, jars
from deployments.local.ivy import Repository, find_repository, mirror_of_central, proxy_options
from deployments.local.jars import retrieve
from fraud.errors import ConfigurationError, UnreachableError
from tests.recording_proxy import recording_proxy

TINY = (("org.example", "tiny", "1.0"),)
POM = """<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>
<artifactId>tiny</artifactId><version>1.0</version></project>"""


SECRET = "p@ss'\"<&>: ü"
"""A password with signs that addresses, XML and shells give a meaning."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a Maven repository with one module."""
    folder = tmp_path / "repository" / "maven2" / "org" / "example" / "tiny" / "1.0"
    folder.mkdir(parents=True)
    (folder / "tiny-1.0.pom").write_text(POM)
    with zipfile.ZipFile(folder / "tiny-1.0.jar", "w") as jar:
        jar.writestr("tiny.txt", "tiny")
    serving = functools.partial(_Quiet, directory=str(tmp_path / "repository"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serving)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no Maven settings of this machine; one attempt."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setattr(jars, "_ATTEMPTS", 1)


def write_maven_settings(home: Path, *mirrors: tuple[str, str], namespace: str = "") -> Path:
    """A `settings.xml` with mirrors, each what it stands for and where it is."""
    listed = "".join(
        f"<mirror><id>m</id><mirrorOf>{of}</mirrorOf><url>{url}</url></mirror>" for of, url in mirrors
    )
    file = home / ".m2" / "settings.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"<settings {namespace}><mirrors>{listed}</mirrors></settings>")
    return file


def test_jars_come_from_the_mirror_of_the_settings(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", f"http://127.0.0.1:{port}/maven2")
    # a folder whose name means something to Ivy and to shells
    folder = tmp_path / "a [cache], (of) 'ours' #1 50% ü" / "jars"
    retrieve(TINY, folder)
    assert [path.name for path in folder.iterdir()] == ["tiny-1.0.jar"]


@pytest.fixture
def guarded(port: int, tmp_path: Path) -> Iterator["_Guarded"]:
    """The same repository for a user with a password."""
    server = _Guarded(functools.partial(_Asking, directory=str(tmp_path / "repository")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class _Guarded(ThreadingHTTPServer):
    """Counts the requests with and without the right password."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.let_in, self.refused = 0, 0

    def mirror(self, password: str) -> str:
        """The address, with user and password."""
        return f"http://me:{quote(password, safe='')}@127.0.0.1:{self.server_address[1]}/maven2"


class _Asking(_Quiet):
    server: _Guarded

    def _is_let_in(self) -> bool:
        wanted = "Basic " + b64encode(f"me:{SECRET}".encode("latin-1")).decode()
        is_right = self.headers.get("Authorization") == wanted
        self.server.let_in += is_right
        self.server.refused += not is_right
        if not is_right:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="A realm of its own"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        return is_right

    def do_GET(self) -> None:
        if self._is_let_in():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._is_let_in():
            super().do_HEAD()


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_jars_come_from_a_mirror_with_a_password_that_nobody_else_sees(
    guarded: _Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    # given a mirror that asks for a password, and a look at what its Java process is given
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", guarded.mirror(SECRET))
    started: list[tuple[list[str], dict[str, str], int, int]] = []

    class _Seen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str], **options: Any) -> None:
            if "cwd" in options:
                folder = Path(options["cwd"])
                modes = (folder / "ivysettings.xml").stat().st_mode, folder.stat().st_mode
                started.append((command, options["env"], *modes))
            super().__init__(command, **options)

    monkeypatch.setattr(subprocess, "Popen", _Seen)
    before = os.umask(mask)
    # when a module is fetched
    try:
        retrieve(TINY, tmp_path / "jars")
    finally:
        os.umask(before)
    # then it came with the password
    assert (tmp_path / "jars" / "tiny-1.0.jar").is_file()
    assert guarded.let_in
    # and only a file of the owner held it, which is gone
    (command, environment, file, folder) = started[0]
    passed = " ".join([*command, *environment.values()])
    assert SECRET not in passed
    assert quote(SECRET, safe="") not in passed
    assert (stat.S_IMODE(file), stat.S_IMODE(folder)) == (0o600, 0o700)
    assert not list(tmp_path.rglob("ivysettings.xml"))


def test_a_wrong_password_is_a_sentence_without_it(
    guarded: _Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", guarded.mirror("wrong-secret"))
    with pytest.raises(UnreachableError, match="FRAUD_MAVEN_MIRROR") as failed:
        retrieve(TINY, tmp_path / "jars")
    assert "wrong-secret" not in str(failed.value)
    assert guarded.refused
    assert "wrong-secret" not in repr(find_repository(guarded.mirror("wrong-secret")))


def test_jars_come_from_mavens_own_mirror(port: int, tmp_path: Path) -> None:
    write_maven_settings(tmp_path / "user", ("central", f"http://127.0.0.1:{port}/maven2/"))
    retrieve(TINY, tmp_path / "jars")
    assert (tmp_path / "jars" / "tiny-1.0.jar").is_file()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_jars_come_through_the_proxy_of_the_environment(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    # given a mirror that only a proxy with a password reaches
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", f"http://repository.example:{port}/maven2")
    with recording_proxy(wants_password=True) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("http://", "http://me:p%40ss'%20word@"))
        # when a module is fetched
        retrieve(TINY, tmp_path / "jars")
    # then it came that way
    assert (tmp_path / "jars" / "tiny-1.0.jar").is_file()
    assert any(f"repository.example:{port}/maven2/org/example/tiny" in one for one in proxy.asked)


def test_an_https_repository_is_asked_through_a_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", "https://repository.example/maven2")
    with recording_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        # the tests' proxy opens none
        with pytest.raises(UnreachableError):
            retrieve(TINY, tmp_path / "jars")
    assert set(proxy.asked) == {"CONNECT repository.example:443"}


def test_a_repository_that_no_proxy_is_for_is_asked_directly(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", f"http://localhost:{port}/maven2")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with recording_proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        retrieve(TINY, tmp_path / "jars")
    assert proxy.asked == []


def test_a_mirror_without_the_module_is_a_sentence_that_names_it(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_MAVEN_MIRROR", f"http://127.0.0.1:{port}/elsewhere")
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1/elsewhere \(FRAUD_MAVEN_MIRROR\).*HTTPS_PROXY"):
        retrieve(TINY, tmp_path / "jars")
    assert not (tmp_path / "jars").exists()


@pytest.mark.parametrize(
    ("mirror_of", "counts"),
    [
        ("central", True),
        ("*", True),
        ("external:*", True),
        ("nexus,  central", True),
        ("nexus", False),
        ("*,!central", False),
    ],
)
def test_mavens_rule_decides_whether_a_mirror_stands_for_central(
    tmp_path: Path, mirror_of: str, counts: bool
) -> None:
    namespace = 'xmlns="http://maven.apache.org/SETTINGS/1.0.0"'
    file = write_maven_settings(tmp_path, (mirror_of, "https://mirror.example/m2"), namespace=namespace)
    assert mirror_of_central(file) == ("https://mirror.example/m2" if counts else None)


def test_without_a_mirror_it_is_maven_central(tmp_path: Path) -> None:
    assert find_repository(None) == Repository("https://repo1.maven.org/maven2/")
    (tmp_path / "user" / ".m2").mkdir(parents=True)
    (tmp_path / "user" / ".m2" / "settings.xml").write_text("<settings")
    assert find_repository(None).shown == "Maven Central"


@pytest.mark.parametrize(
    "mirror",
    [
        "ftp://me:secret@x/y",
        "mirror.example/m2",
        "https:///m2",
        "https://me:secret@",
        "https://me:secret@h:port/m2",
    ],
)
def test_a_mirror_that_will_not_do_is_refused_without_its_password(mirror: str) -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_MAVEN_MIRROR") as refused:
        find_repository(mirror)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("bad", ['https://m.example/ä b?c#d&"<x>'])
def test_whatever_stands_in_an_address_stays_one_address(bad: str) -> None:
    settings = ET.fromstring(ivy._settings(Repository(bad)))
    assert settings.findall("resolvers/ibiblio")[0].get("root") == f"{bad}/"


def test_https_and_socks_proxies_are_passed_to_java() -> None:
    assert proxy_options("repo.example", {"https": "proxy.example:3128"}) == [
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
    ]
    assert "-DsocksProxyHost=s" in proxy_options("repo.example", {"all": "socks5h://s:1080"})
