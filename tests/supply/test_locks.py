"""Nothing is installed or built that no lock file names with its hash."""

import base64
import hashlib
import json
import re
import shlex
import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.supply.audit import LOCKS, PAGE, ROOT

DOCKER_LOCKS = sorted((ROOT / "deployments" / "docker").glob("*.lock"))
UV = Path(sys.executable).with_name("uv")


def requirements_of(lock: Path) -> list[str]:
    """Each requirement of a lock file, with its hashes, on one line."""
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", [*LOCKS, *DOCKER_LOCKS], ids=lambda one: one.name)
def test_a_lock_file_has_one_version_and_hashes_of_each_package(lock: Path) -> None:
    requirements = requirements_of(lock)
    assert requirements
    for line in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[\w,-]+\])?==", line), line
        assert "--hash=sha256:" in line, line
    assert "index-url" not in lock.read_text(encoding="utf-8")


def test_the_lock_file_of_the_page_has_the_hash_of_each_package() -> None:
    packages = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    bare = [
        name for name, one in packages.items() if name and not one.get("integrity", "").startswith("sha512-")
    ]
    assert not bare


@pytest.mark.parametrize("folder", ["helm", "prometheus"])
def test_programs_in_go_have_the_hash_of_each_module(folder: str) -> None:
    here = ROOT / "deployments" / "tools" / folder
    (tool,) = re.findall(r"^tool(?: \(\n\t|\s+)([\w./-]+)", (here / "go.mod").read_text(), re.MULTILINE)[:1]
    sums = (here / "go.sum").read_text()
    assert tool in (ROOT / "Makefile").read_text() or folder == "prometheus"
    for module, version in re.findall(
        r"^\s+([\w./~-]+\.[\w./~-]+) (v[\w.+-]+)", (here / "go.mod").read_text(), re.MULTILINE
    ):
        assert f"{module} {version}/go.mod h1:" in sums, module


# --------------------------------------------------------------------------- attacks on the installer


def installing_command() -> list[str]:
    """The options with which the Makefile installs a tool."""
    (line,) = re.findall(
        r"uv (pip sync .*--python \$\(@D\)/bin/python .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    return shlex.split(line)


def hash_of(path: Path) -> str:
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def wheel(folder: Path, name: str, version: str, module: str) -> Path:
    """A wheel with one module."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{file},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}"
        for file, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (files | {f"{info}/RECORD": "\n".join([*record, f"{info}/RECORD,,"])}).items():
            archive.writestr(file, text)
    return path


BACKEND = """
import zipfile
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "victim-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        archive.writestr("victim.py", "")
        info = "victim-1.0.dist-info/"
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: victim\\nVersion: 1.0\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "victim.py,,\\n")
    return name
"""


def source_archive(folder: Path) -> Path:
    """A package that is built by `builder`."""
    files = {
        "victim-1.0/PKG-INFO": "Metadata-Version: 2.1\nName: victim\nVersion: 1.0\n",
        "victim-1.0/pyproject.toml": '[build-system]\nrequires = ["builder"]\nbuild-backend = "builder"\n',
    }
    path = folder / "victim-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
    return path


def install(folder: Path, lock: str, build_lock: str) -> subprocess.CompletedProcess[str]:
    """Install as the Makefile does, from a folder in the place of the registry."""
    (folder / "a.lock").write_text(lock)
    (folder / "setup.lock").write_text(build_lock)
    subprocess.run(
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder / "venv"], check=True
    )
    places = {"$(@D)/bin/python": str(folder / "venv/bin/python"), "$<": str(folder / "a.lock")}
    places["$(LOCKS)/setup.lock"] = str(folder / "setup.lock")
    command = [places.get(word, word) for word in installing_command()]
    offline = ["--no-index", "--find-links", str(folder), "--no-cache", "--no-config"]
    return subprocess.run([UV, *command, *offline], cwd=folder, capture_output=True, text=True, check=False)


def test_a_package_that_was_exchanged_is_not_installed(tmp_path: Path) -> None:
    # given a package with its hash
    package = wheel(tmp_path, "victim", "1.0", "")
    lock = f"victim==1.0 {hash_of(package)}\n"
    done = install(tmp_path, lock, "")
    assert done.returncode == 0, done.stderr
    # when the registry has another one under the same name and version
    wheel(tmp_path, "victim", "1.0", "import os")
    # then it is refused, and so is one without a hash
    refused = install(tmp_path, lock, "")
    assert refused.returncode != 0
    assert "hash" in refused.stderr.lower()
    assert install(tmp_path, "victim==1.0\n", "").returncode != 0


def test_what_builds_a_package_is_not_exchanged_either(tmp_path: Path) -> None:
    # given a package that is built here, and the hash of what builds it
    builder = wheel(tmp_path, "builder", "1.0", BACKEND)
    lock = f"victim==1.0 {hash_of(source_archive(tmp_path))}\n"
    build_lock = f"builder==1.0 {hash_of(builder)}\n"
    done = install(tmp_path, lock, build_lock)
    assert done.returncode == 0, done.stderr
    # when the registry has another builder
    wheel(tmp_path, "builder", "1.0", "import os\n" + BACKEND)
    # then it does not run
    refused = install(tmp_path, lock, build_lock)
    assert refused.returncode != 0
    assert "hash" in refused.stderr.lower()
    # and a newer one is not taken instead
    wheel(tmp_path, "builder", "2.0", BACKEND)
    assert install(tmp_path, lock, build_lock).returncode != 0


def test_no_recipe_installs_what_has_no_lock_file() -> None:
    recipes = [
        ROOT / "Makefile",
        ROOT / "deployments/docker/Dockerfile",
        *sorted((ROOT / ".github").rglob("*")),
    ]
    text = "\n".join(one.read_text() for one in recipes if one.is_file())
    for install in re.findall(r"pip (?:install|sync)[^\n]*(?:\\\n[^\n]*)*", text):
        assert "--require-hashes" in install or "--no-deps --no-build-isolation --editable ." in install, (
            install
        )
    for unlocked in (
        r"uv tool ",
        r"\buvx\b",
        r"uv run ",
        r"\bnpx\b",
        r"npm install",
        r"go install",
        r"curl[^\n|]*\|\s*(ba)?sh",
    ):
        assert not re.search(unlocked, text), unlocked
