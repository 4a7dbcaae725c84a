"""A real MLflow server behind a proxy, as workers reach it; the test itself connects directly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deployments.local.processes import free_port
from deployments.local.servers import HttpServer, mlflow_server
from fraud.settings import Settings
from tests.faults.harness.proxy import Proxy
from tests.fraud.signing.signed import force_alias
from tests.serving.world import register, tiny_bundle


@dataclass(frozen=True)
class Registry:
    """The server, and the network before it."""

    server: HttpServer
    network: Proxy
    artifacts: Path

    @property
    def settings(self) -> dict[str, object]:
        """How workers find it."""
        return {"tracking_uri": f"http://127.0.0.1:{self.network.port}", "poll_interval_s": 0.5}

    def register(self, settings: Settings, seed: int, alias: str | None = "champion") -> str:
        """Register a tiny model; returns its version."""
        direct = self._direct(settings)
        return register(direct, tiny_bundle(direct, seed), alias)

    def register_for_other_features(self, settings: Settings) -> str:
        """Register a model that this code cannot serve."""
        direct = self._direct(settings)
        return register(direct, tiny_bundle(direct, feature_version=99), alias=None)

    def corrupt_newest(self) -> None:
        """Flip a bit of the booster registered last."""
        newest = max(self.artifacts.rglob("model.ubj"), key=lambda file: file.stat().st_mtime_ns)
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(content)

    def give_alias(self, settings: Settings, version: str) -> None:
        """Make a version the champion, signed but without our checks."""
        force_alias(self._direct(settings), version)

    def _direct(self, settings: Settings) -> Settings:
        direct = settings.registry.model_copy(update={"tracking_uri": self.server.url, "request_retries": 3})
        # A new object, because the address is cached.
        return Settings(**settings.model_dump(exclude={"registry"}), registry=direct)


@contextmanager
def registry(home: Path, former: Registry | None = None) -> Iterator[Registry]:
    """An MLflow server until the block ends; it replaces a `former` one that has stopped."""
    network_port = former.network.port if former else free_port()
    server = mlflow_server(home, former.server.port if former else None)
    *command, hosts = server.command
    server = replace(server, command=(*command, f"{hosts},127.0.0.1:{network_port}"))
    network = former.network if former else Proxy(network_port, server.port)
    try:
        server.spawn()
        server.wait()
        yield Registry(server, network, home / "mlflow-artifacts")
    finally:
        if former is None:
            network.close()
        server.stop()
