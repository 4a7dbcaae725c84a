"""Kafka, MLflow and Prefect together: started side by side, found again by later commands, stopped together.

`<home>/stack.json` names our processes, `<home>/stack.env` their addresses.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Literal, Protocol, Self

from deployments.local.cluster.home import HomeBrokers
from deployments.local.jars import Progress
from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import ServerProcess, free_port, port_is_free
from deployments.local.records import ServerRecord, ServerRecords
from deployments.local.servers import mlflow_server, prefect_server
from fraud.cards.key_file import make_key_file
from fraud.errors import ConfigurationError, UnreachableError
from fraud.machine.cache import write_whole
from fraud.machine.ending import let_outlive
from fraud.machine.env_files import env_line
from fraud.settings import CARD_KEYS, stack_file
from fraud.signing.key_files import key_files, make_key_files

WELL_KNOWN_PORTS = {
    "Kafka": 9092,
    "Kafka 1": 9092,
    "Kafka 2": 9093,
    "Kafka 3": 9094,
    "MLflow": 5000,
    "Prefect": 4200,
}
NAMES = ("Kafka", "MLflow", "Prefect")
"""The servers of a home with one broker; of three it has `Kafka 1` to `Kafka 3` instead of `Kafka`."""
_GRACE_S = 15.0
_HEAP_MB = {1: 512, 3: 320}
"""Of each broker, by their number: three of them are beside everything else on a machine."""

State = Literal["ready", "silent", "dead", "stopped"]
"""`silent` runs but gives no answer; `dead` was started and ended; `stopped` was not started."""


class Server(Protocol):
    """What the stack needs of each of its members."""

    name: str
    port: int
    log: Path

    def spawn(self) -> ServerProcess:
        """Start without waiting."""

    def wait(self) -> None:
        """Wait until it answers."""

    def stop(self) -> None:
        """End it."""

    def answers(self) -> bool:
        """Whether a client gets an answer."""


@dataclass(frozen=True)
class ServerStatus:
    """The status of a server of the stack."""

    name: str
    state: State
    address: str = ""
    pid: int | None = None
    log: str = ""


class Stack:
    """The embedded servers of one home; `brokers` are asked for, by default those of the home, or one."""

    def __init__(
        self,
        home: Path,
        progress: Progress | None = None,
        java_home: Path | None = None,
        brokers: int | None = None,
    ) -> None:
        self.home = home.resolve()
        self._brokers = HomeBrokers(self.home, brokers)
        self._signing = self.home / "signing"
        self._java_home = java_home
        self._progress = progress
        self._records = ServerRecords(self.home)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its servers, the brokers first."""
        return (*self._brokers.names, *NAMES[1:])

    def start(
        self, ports: Mapping[str, int] | None = None, on_ready: Callable[[str], None] = lambda name: None
    ) -> list[str]:
        """Start what does not run; what runs and answers is left alone. Returns the names of the started.

        `ports` are asked for by server name; the others get the port they had, their well-known one, or
        a free one. If one server fails, those started by this call are stopped again.

        Raises:
            ConfigurationError: a port that was asked for is taken, or the home has another number of brokers.
            UnreachableError: a server does not come up; names its log.
        """
        with self._records.changing():
            self._brokers.require_asked()
            ready = {status.name for status in self.status() if status.state == "ready"}
            missing = [name for name in self.names if name not in ready]
            make_key_files(self._signing)
            former, ports = self._records.load(), self._ports_by_name(ports or {})
            _refuse_to_move({name: former[name].port for name in ready}, ports)
            for name in missing:
                if name in former:
                    former[name].process().stop(_GRACE_S)
            self._brokers.prepare(ready)
            chosen = {name: _choose_port(name, former.get(name), ports) for name in missing}
            self._start_all([self._server(name, port) for name, port in chosen.items()], on_ready)
            make_key_file(self.home / CARD_KEYS)
            self._write_addresses()
            _let_outlive(self._records)
            return missing

    def stop(self) -> list[str]:
        """Stop whatever was started in this home; returns the names of those that ran."""
        with self._records.changing():
            records = self._records.load()
            running = [name for name, record in records.items() if record.process().alive()]
            with ThreadPoolExecutor(len(self.names)) as pool:
                list(pool.map(lambda record: record.process().stop(_GRACE_S), records.values()))
            stack_file(self.home).unlink(missing_ok=True)
            self._records.clear()
            return running

    def pids(self) -> list[int]:
        """The recorded leaders of process groups."""
        return [record.pid for record in self._records.load().values()]

    def status(self) -> list[ServerStatus]:
        """The status of each server, started or not."""
        return self._status(self.names)

    def broker_status(self) -> list[ServerStatus]:
        """Likewise, of the brokers alone."""
        return self._status(self._brokers.names)

    def addresses(self) -> dict[str, str]:
        """The environment variables under which clients find the servers.

        Raises:
            UnreachableError: no stack was started in this home.
        """
        records = self._records.load()
        if records.keys() != set(self.names):
            raise UnreachableError(f"no embedded stack runs in {self.home}; start it with `fraud up`")
        mlflow, keys = _address(records["MLflow"]), key_files(self._signing)
        return {
            "FRAUD_KAFKA__BOOTSTRAP_SERVERS": ",".join(_address(records[one]) for one in self._brokers.names),
            # Of the topics that are created here.
            "FRAUD_KAFKA__REPLICATION_FACTOR": str(self._brokers.count),
            # Histories of any age are replayed into this Kafka, and brokers delete by event time.
            "FRAUD_KAFKA__RETENTION_DAYS": "-1",
            "FRAUD_REGISTRY__TRACKING_URI": mlflow,
            "MLFLOW_TRACKING_URI": mlflow,
            "PREFECT_API_URL": f"{_address(records['Prefect'])}/api",
            "FRAUD_SIGNING__PRIVATE_KEY": str(keys.private),
            "FRAUD_SIGNING__TRUSTED_KEYS": json.dumps([str(keys.public)]),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def _server(self, name: str, port: int) -> Server:
        if name in self._brokers.names:
            return self._broker(name, port)
        make = {"MLflow": mlflow_server, "Prefect": prefect_server}[name]
        return make(self.home, port)

    def _broker(self, name: str, port: int) -> EmbeddedKafka:
        return EmbeddedKafka(
            self._brokers.folder(name),
            name=name,
            member=self._brokers.member(name),
            port=port,
            log=self._brokers.log(name),
            heap_mb=_HEAP_MB[self._brokers.count],
            progress=self._progress,
            java_home=self._java_home,
        )

    def _ports_by_name(self, asked: Mapping[str, int]) -> dict[str, int]:
        """The port of Kafka is that of the first broker."""
        return {self._brokers.names[0] if name == NAMES[0] else name: port for name, port in asked.items()}

    def _start_all(self, servers: list[Server], on_ready: Callable[[str], None]) -> None:
        try:
            self._start_side_by_side(servers, on_ready)
        except BaseException:
            _stop_all(servers)
            raise

    def _start_side_by_side(self, servers: list[Server], on_ready: Callable[[str], None]) -> None:
        with ThreadPoolExecutor(len(self.names)) as pool:
            started = {pool.submit(self._start_one, server): server for server in servers}
            try:
                for future in as_completed(started):
                    future.result()
                    on_ready(started[future].name)
            except BaseException:
                # The threads that still wait for a server see it end, so the pool does not linger.
                _stop_all(servers)
                raise

    def _start_one(self, server: Server) -> None:
        process = server.spawn()
        self._records.put(ServerRecord(server.name, server.port, process.pid, process.created))
        server.wait()

    def _status(self, names: Sequence[str]) -> list[ServerStatus]:
        records = self._records.load()
        with ThreadPoolExecutor(len(names)) as pool:
            return list(pool.map(lambda name: self._status_of(name, records.get(name)), names))

    def _status_of(self, name: str, record: ServerRecord | None) -> ServerStatus:
        if record is None:
            return ServerStatus(name, "stopped")
        server = self._server(name, record.port)
        address, log = _address(record), str(server.log)
        if not record.process().alive():
            return ServerStatus(name, "dead", address, log=log)
        return ServerStatus(name, "ready" if server.answers() else "silent", address, record.pid, log)

    def _write_addresses(self) -> None:
        lines = starmap(env_line, self.addresses().items())
        write_whole(stack_file(self.home), "".join(lines).encode())


def _let_outlive(records: ServerRecords) -> None:
    for record in records.load().values():
        let_outlive(record.pid)


def _choose_port(name: str, former: ServerRecord | None, asked: Mapping[str, int]) -> int:
    if name in asked:
        if not port_is_free(asked[name]):
            option = f"--{name.split()[0].lower()}-port"
            raise ConfigurationError(f"port {asked[name]} is taken; choose another with {option}")
        return asked[name]
    preferred = former.port if former else WELL_KNOWN_PORTS[name]
    return preferred if port_is_free(preferred) else free_port()


def _refuse_to_move(running: Mapping[str, int], asked: Mapping[str, int]) -> None:
    for name, port in asked.items():
        if running.get(name, port) != port:
            raise ConfigurationError(
                f"{name} runs on port {running[name]} already; move it with `fraud down` and `fraud up`"
            )


def _stop_all(servers: list[Server]) -> None:
    for server in servers:
        server.stop()


def _address(record: ServerRecord) -> str:
    place = f"127.0.0.1:{record.port}"
    return place if record.name.startswith(NAMES[0]) else f"http://{place}"
