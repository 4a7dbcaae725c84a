"""A real S3 server for tests, SeaweedFS, on free ports."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
          "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip
_START_S = 60.0
_KEY, _SECRET = "test-key", "test-secret"


@dataclass(frozen=True)
class S3Server:
    """Address and credentials of the server."""

    endpoint_url: str
    process: "subprocess.Popen[bytes]" = field(repr=False)
    key: str = _KEY
    secret: str = _SECRET

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """A server that keeps its data in `folder` and ends with the block."""
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    url = f"http://127.0.0.1:{ports['s3.port']}"
    config = folder / "s3.json"
    config.write_text(json.dumps(_identities()))
    options = [f"-{name}={port}" for name, port in ports.items()]
    weed = Path(sys.executable).with_name("weed")
    command = [str(weed), "server", f"-dir={folder}", "-s3", f"-s3.config={config}", "-ip=127.0.0.1",
               "-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3.iam=false",
               "-s3.port.iceberg=0", "-s3.port.lance=0",
               "-volume.max=20", "-master.volumeSizeLimitMB=64", *options]  # fmt: skip
    with (
        (folder / "weed.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            _wait_until_it_answers(process, url, folder / "weed.log")
            yield S3Server(url, process)
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": _KEY, "secretKey": _SECRET}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    return {"identities": [{"name": "test", "credentials": credentials, "actions": actions}]}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return  # it wants credentials
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the S3 server did not start: {log.read_text()[-2_000:]}")
