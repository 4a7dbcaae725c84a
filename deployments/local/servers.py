"""MLflow and the Prefect server as processes of this machine, each on SQLite."""

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployments.local.processes import ServerProcess, free_port, spawn, wait_until_ready

_TIMEOUT_S = 300.0
_GRACE_S = 10.0
_OWN_MODULES_ONLY = {"PYTHONSAFEPATH": "1"}
"""A server works in a folder of the home; Python files there must not be imported."""


@dataclass
class HttpServer:
    """A server that is ready when `health` answers 200; it works in `folder`."""

    name: str
    port: int
    log: Path
    command: tuple[str, ...]
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def spawn(self) -> ServerProcess:
        """Start the process without waiting."""
        self.process = spawn(self.name, self.command, self.log, self.environment, self.folder)
        return self.process

    def wait(self) -> None:
        """Wait until the server answers.

        Raises:
            UnreachableError: it does not come up.
        """
        if self.process is not None:
            wait_until_ready(self.process, self.answers, self.log, _TIMEOUT_S)

    def stop(self) -> None:
        """End the server and its workers."""
        if self.process is not None:
            self.process.stop(_GRACE_S)
            self.process = None

    def answers(self) -> bool:
        """Whether its health check answers 200."""
        return http_ok(self.url + self.health)


def mlflow_server(home: Path, port: int | None = None) -> HttpServer:
    """MLflow with its database and its artifacts below `home`; clients reach artifacts through it."""
    port, home = port or free_port(), home.resolve()
    hosts = ",".join(f"{host}{suffix}" for host in ("localhost", "127.0.0.1") for suffix in ("", f":{port}"))
    # fmt: off
    command = (
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", "sqlite:///mlflow.db",
        "--serve-artifacts", "--artifacts-destination", "mlflow-artifacts",
        "--allowed-hosts", hosts,
    )
    # fmt: on
    environment = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Its workers for evaluations of language models; nobody here asks for one.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    log = home / "logs" / "mlflow.log"
    return HttpServer("MLflow", port, log, command, "/health", environment | _OWN_MODULES_ONLY, home)


def prefect_server(home: Path, port: int | None = None) -> HttpServer:
    """A Prefect server with its database below `home`, scheduler and other services included."""
    port, home = port or free_port(), home.resolve()
    # As `prefect server start` does it, with our guard before the application.
    app = "deployments.orchestration.embedded_server:create_app"
    command = (
        *(sys.executable, "-m", "uvicorn", "--factory", app),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "info"),
    )
    environment = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///prefect.db",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://localhost:{port},http://127.0.0.1:{port}",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
    }
    log = home / "logs" / "prefect.log"
    environment |= _OWN_MODULES_ONLY
    return HttpServer("Prefect", port, log, command, "/api/health", environment, home / "prefect")


def http_ok(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a GET answers 200; proxies are not asked, for these are addresses of this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
