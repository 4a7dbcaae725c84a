"""Servers beside the embedded stack, one process each; they come after it and end before it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from deployments.local.processes import free_port, port_is_free
from deployments.local.records import ServerRecord, ServerRecords
from deployments.local.servers import HttpServer, http_ok
from deployments.local.stack import ServerStatus, State
from fraud.machine.ending import let_outlive

_GRACE_S = 15.0


class AddedServer:
    """A server of one home that `fraud COMMAND --port PORT` runs, found again by later commands.

    Attributes:
        name: as users see it.
        command: of `fraud`; also the folder of its record, and the name of its log.
        health: the path that answers with 200 while it runs.
        environment: settings that it has here.
    """

    name: ClassVar[str]
    command: ClassVar[str]
    health: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._records = ServerRecords(self._home / self.command)

    def start(self, preferred_port: int) -> str:
        """Start it unless it runs; takes another port if the preferred one is not free. Returns its address.

        Raises:
            UnreachableError: it does not come up; names its log.
        """
        with self._records.changing():
            former = self._records.load().get(self.name)
            if former is not None and self._answers(former):
                return _address(former.port)
            if former is not None:
                former.process().stop(_GRACE_S)
            port = preferred_port if preferred_port and port_is_free(preferred_port) else free_port()
            server = self._server(port)
            process = server.spawn()
            self._records.put(ServerRecord(self.name, port, process.pid, process.created))
            server.wait()
            let_outlive(process.pid)
            return server.url

    def stop(self) -> bool:
        """End it; returns whether it ran."""
        with self._records.changing():
            record = self._records.load().get(self.name)
            ran = record is not None and record.process().alive()
            if record is not None:
                record.process().stop(_GRACE_S)
            self._records.clear()
            return ran

    def pids(self) -> list[int]:
        """The recorded leader of its process group, if it was started."""
        return [record.pid for record in self._records.load().values()]

    def status(self) -> ServerStatus | None:
        """Its status; None if it was not started."""
        record = self._records.load().get(self.name)
        if record is None:
            return None
        address, log = _address(record.port), str(self._server(record.port).log)
        if not record.process().alive():
            return ServerStatus(self.name, "dead", address, log=log)
        state: State = "ready" if self._answers(record) else "silent"
        return ServerStatus(self.name, state, address, record.pid, log)

    def _answers(self, record: ServerRecord) -> bool:
        return record.process().alive() and http_ok(f"{_address(record.port)}{self.health}")

    def _server(self, port: int) -> HttpServer:
        command = (sys.executable, "-m", "deployments.cli", self.command, "--port", str(port))
        environment = {"FRAUD_HOME": str(self._home), **self.environment}
        log = self._home / "logs" / f"{self.command}.log"
        return HttpServer(self.name, port, log, command, self.health, environment)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"
