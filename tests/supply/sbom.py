"""`make sbom`: bills of materials (CycloneDX's JSON) of each image, the page and the embedded Kafka's jars.

`python -m tests.supply.sbom FOLDER` writes them. What they say comes from the lock files, so it is what is
installed.
"""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from deployments.local.jars import LOCK, kafka_jars
from tests.supply.audit import PAGE, ROOT

CYCLONEDX = ROOT / ".venv" / "tools" / "cyclonedx" / "bin" / "cyclonedx-py"
IMAGES = ("flows", "serving", "producer")

_JAR = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)\.jar")
_GROUP = re.compile(r"META-INF/maven/([^/]+)/([^/]+)/pom\.properties")


def main(folder: Path) -> None:
    """Write all of them.

    Raises:
        subprocess.CalledProcessError: a program that makes one failed.
        UnreachableError: the jars are not on this machine, and cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        (folder / f"{image}.cdx.json").write_bytes(
            python_bill(ROOT / "deployments" / "docker" / f"{image}.lock")
        )
    (folder / "page.cdx.json").write_bytes(
        _output(["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], PAGE)
    )
    bill = jar_bill(LOCK.read_text(encoding="utf-8"), kafka_jars())
    (folder / "kafka-jars.cdx.json").write_text(json.dumps(bill, indent=1), encoding="utf-8")


def python_bill(lock: Path) -> bytes:
    """The packages of a lock file."""
    options = [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--mc-type",
        "application",
        "--output-reproducible",
    ]
    return _output([str(CYCLONEDX), "requirements", *options, "--of", "JSON", str(lock)], ROOT)


def jar_bill(lock: str, folder: Path) -> dict[str, Any]:
    """The jars of the embedded Kafka, with the checksums that are checked before each start."""
    jars = [line.split() for line in lock.splitlines()]
    components = [_jar(folder / name, checksum) for checksum, name in jars]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


def _jar(path: Path, checksum: str) -> dict[str, Any]:
    match = _JAR.fullmatch(path.name)
    name, version = (match["name"], match["version"]) if match else (path.stem, "")
    group = _group_of(path, name)
    kind = f"pkg:maven/{group}/{name}" if group else f"pkg:generic/{name}"
    found = {"group": group} if group else {}
    return found | {
        "type": "library",
        "bom-ref": path.name,
        "name": name,
        "version": version,
        "purl": f"{kind}@{version}",
        "hashes": [{"alg": "SHA-256", "content": checksum}],
    }


def _group_of(path: Path, name: str) -> str | None:
    """As Maven wrote it into the jar; some of its makers leave it out."""
    with zipfile.ZipFile(path) as jar:
        found = [match for one in jar.namelist() if (match := _GROUP.fullmatch(one))]
    return next((match[1] for match in found if match[2] == name), None)


def _output(command: list[str], folder: Path) -> bytes:
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, timeout=600).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
