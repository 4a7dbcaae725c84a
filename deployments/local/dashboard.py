"""The dashboard as a process beside the embedded stack; it comes after it and ends before it."""

import sys
from pathlib import Path

from deployments.local.processes import free_port, port_is_free
from deployments.local.records import ServerRecord, ServerRecords
from deployments.local.servers import HttpServer, http_ok

NAME = "Dashboard"
_GRACE_S = 15.0


class LocalDashboard:
    """The dashboard of one home, found again by later commands."""

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._records = ServerRecords(self._home / "dashboard")

    def start(self, preferred_port: int) -> str:
        """Start it unless it runs; takes another port if the preferred one is not free. Returns its address.

        Raises:
            UnreachableError: it does not come up; names its log.
        """
        with self._records.changing():
            former = self._records.load().get(NAME)
            if former is not None and former.process().alive() and http_ok(f"{_address(former.port)}/health"):
                return _address(former.port)
            if former is not None:
                former.process().stop(_GRACE_S)
            port = preferred_port if preferred_port and port_is_free(preferred_port) else free_port()
            server = self._server(port)
            process = server.spawn()
            self._records.put(ServerRecord(NAME, port, process.pid, process.created))
            server.wait()
            return server.url

    def stop(self) -> bool:
        """End it; returns whether it ran."""
        with self._records.changing():
            record = self._records.load().get(NAME)
            ran = record is not None and record.process().alive()
            if record is not None:
                record.process().stop(_GRACE_S)
            self._records.clear()
            return ran

    def _server(self, port: int) -> HttpServer:
        command = (sys.executable, "-m", "deployments.cli", "dashboard", "--port", str(port))
        environment = {"FRAUD_HOME": str(self._home)}
        log = self._home / "logs" / "dashboard.log"
        return HttpServer(NAME, port, log, command, "/health", environment)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"
