"""The brokers of a home: how many it was made with, their names and their data.

One broker has its data in `<home>/kafka`. Of three each has a folder `<home>/kafka/broker-N`, and
`<home>/kafka/cluster.json` keeps what they must know of each other.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from deployments.local.cluster.member import LOOPBACK, ClusterMember
from deployments.local.processes import free_port, port_is_free
from fraud.errors import ConfigurationError
from fraud.machine.cache import write_whole

_ALONE = "Kafka"
_MADE = Path("data") / "meta.properties"


class HomeBrokers:
    """The brokers of one home.

    Args:
        home: whose they are.
        asked: how many a new home gets; default: 1.
    """

    def __init__(self, home: Path, asked: int | None = None) -> None:
        self._home = home
        self._folder = home / "kafka"
        self._asked = asked

    @property
    def count(self) -> int:
        """How many there are, or will be."""
        return self._made() or self._asked or 1

    @property
    def names(self) -> tuple[str, ...]:
        """As users see them."""
        return tuple(f"{_ALONE} {number}" for number in self._numbers) if self.count > 1 else (_ALONE,)

    def require_asked(self) -> None:
        """Refuse to give a home another number of brokers.

        Raises:
            ConfigurationError: it was made with another number than was asked for.
        """
        made = self._made()
        if made is not None and self._asked not in (None, made):
            kept = "1 broker" if made == 1 else f"{made} brokers"
            raise ConfigurationError(
                f"{self._home} was made with {kept}, not {self._asked}; leave out --brokers and "
                "FRAUD_KAFKA__EMBEDDED_BROKERS, or name another folder with FRAUD_HOME"
            )

    def folder(self, name: str) -> Path:
        """Where a broker has its data."""
        return self._folder if name == _ALONE else self._folder / f"broker-{self._number(name)}"

    def log(self, name: str) -> Path:
        """What a broker writes."""
        return self._home / "logs" / f"{name.lower().replace(' ', '-')}.log"

    def member(self, name: str) -> ClusterMember:
        """A broker's place in the cluster; a new cluster if none is written down."""
        if name == _ALONE:
            return ClusterMember.alone()
        cluster_id, controllers = self._load() or self._renewed(None)
        return ClusterMember(self._number(name), controllers, cluster_id)

    def prepare(self, running: Collection[str]) -> None:
        """Before brokers start: their controllers get free ports, unless some run, which know the ports."""
        known = self._load()
        if self.count > 1 and (known is None or not (set(running) & set(self.names) or _all_free(known[1]))):
            self._renewed(known and known[0])

    @property
    def _numbers(self) -> range:
        return range(1, self.count + 1)

    def _number(self, name: str) -> int:
        return self.names.index(name) + 1

    def _made(self) -> int | None:
        if (self._folder / _MADE).exists():
            return 1
        known = self._load()
        return len(known[1]) if known and any(self._folder.glob(f"broker-*/{_MADE}")) else None

    def _load(self) -> tuple[str, tuple[str, ...]] | None:
        file = self._file
        try:
            return msgspec.json.decode(file.read_bytes(), type=tuple[str, tuple[str, ...]])
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ConfigurationError(
                f"{file} is broken ({error}); name another home with FRAUD_HOME"
            ) from error

    def _renewed(self, cluster_id: str | None) -> tuple[str, tuple[str, ...]]:
        controllers = tuple(f"{LOOPBACK}:{free_port()}" for _ in self._numbers)
        known = (cluster_id or ClusterMember(1, controllers).cluster_id, controllers)
        write_whole(self._file, msgspec.json.encode(known))
        return known

    @property
    def _file(self) -> Path:
        return self._folder / "cluster.json"


def _all_free(addresses: Collection[str]) -> bool:
    return all(port_is_free(int(address.rpartition(":")[2])) for address in addresses)
