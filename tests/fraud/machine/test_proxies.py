"""No client asks a proxy for addresses of this machine: real clients, with a proxy that remembers."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fraud.machine.proxies import direct_environment, is_loopback
from tests.recording_proxy import recording_proxy

CLIENTS = """
import asyncio, json, os, subprocess, sys, urllib.request
from fraud.settings import load_settings

settings = load_settings()
url = settings.tracking_uri

def httpx_client():
    import httpx
    return httpx.get(url).status_code

def requests_client():
    import requests
    return requests.get(url).status_code

def urllib_client():
    return urllib.request.urlopen(url).status

def prefect_client():
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        return client.request("GET", "/hello").status_code

def mlflow_client():
    from fraud.registry.connection import connect
    return len(connect(settings).search_registered_models()) or 200

def boto3_client():
    import boto3
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-central-1"}
    answer = boto3.client("s3", endpoint_url=url, **keys).head_bucket(Bucket="lake")
    return answer["ResponseMetadata"]["HTTPStatusCode"]

def s3fs_client():
    from fraud.lake import open_lake
    return 200 if open_lake(settings, silence_s=5) else 0

def collector_client():
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    OTLPSpanExporter(url, timeout=5).export([])
    return 200

def child():
    code = f"import urllib.request; print(urllib.request.urlopen({url!r}).status)"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout or 0)

def spawned():
    from pathlib import Path
    from deployments.local.processes import spawn
    code = f"import urllib.request; print(urllib.request.urlopen({url!r}).status)"
    process = spawn("child", [sys.executable, "-c", code], Path("child.log"), {})
    os.waitpid(process.pid, 0)
    return int(Path("child.log").read_text() or 0)

print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}))
"""
NAMES = [
    "httpx_client", "requests_client", "urllib_client", "prefect_client", "mlflow_client", "boto3_client",
    "s3fs_client", "collector_client", "child", "spawned",
]  # fmt: skip


class _Answers(BaseHTTPRequestHandler):
    """Says yes to everything, in JSON."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"{}")

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("0.0.0.0", 0), _Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "variables", [("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), ("http_proxy", "all_proxy")]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "127.1"])
def test_no_client_asks_the_proxy(port: int, tmp_path: Path, host: str, variables: tuple[str, ...]) -> None:
    url = f"http://{host}:{port}"
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with recording_proxy() as proxy:
        environment = clean | dict.fromkeys(variables, proxy.url) | {
            "FRAUD_REGISTRY__TRACKING_URI": url,
            "FRAUD_LAKE__URL": "s3://lake/x", "FRAUD_LAKE__S3_ENDPOINT_URL": url,
            "FRAUD_LAKE__S3_KEY": "a", "FRAUD_LAKE__S3_SECRET": "b", "FRAUD_LAKE__S3_REGION": "eu-central-1",
        }  # fmt: skip
        # when each client asks a server of this machine
        names = NAMES if host == "127.0.0.1" else NAMES[:3] if host != "localhost" else NAMES[:2] + NAMES[5:6]
        done = subprocess.run(
            [sys.executable, "-c", CLIENTS, *names], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False, timeout=110,
        )  # fmt: skip
        # then each had its answer, and the proxy was not asked
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(names, 200)
        assert proxy.asked == []


def test_others_are_still_asked_through_the_proxy(tmp_path: Path) -> None:
    with recording_proxy() as proxy:
        environment = dict(os.environ) | {
            "http_proxy": proxy.url,
            "FRAUD_REGISTRY__TRACKING_URI": "http://far.example",
        }
        subprocess.run(
            [sys.executable, "-c", CLIENTS, "requests_client"], cwd=tmp_path, env=environment,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    assert proxy.asked == ["GET http://far.example/"]


def test_what_is_excepted_already_stays_so() -> None:
    proxied = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "corp.example, .inner", "no_proxy": "10.0.0.1"}
    made = direct_environment(["127.0.0.9"], proxied)
    assert made["NO_PROXY"] == made["no_proxy"]
    assert made["NO_PROXY"] == "10.0.0.1,corp.example,.inner,localhost,127.0.0.1,127.0.0.0/8,::1,127.0.0.9"
    # and nothing is added twice
    assert direct_environment(["127.0.0.9"], proxied | made) == made
    assert direct_environment([], proxied | {"no_proxy": "*"})["NO_PROXY"] == "*"


def test_without_a_proxy_nothing_is_set() -> None:
    assert direct_environment(environment={"HTTP_PROXY": "", "NO_PROXY": "x"}) == {}


HERE = ["localhost", "LOCALHOST.", "a.localhost", "127.8.9.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "127.1"]
ELSEWHERE = ["10.0.0.1", "", "localhost.evil.example", "127.0.0.1.evil.example", "::2", "999.1", "1.2.3.4.5"]


def test_what_means_this_machine() -> None:
    assert [host for host in HERE + ELSEWHERE if is_loopback(host)] == HERE
