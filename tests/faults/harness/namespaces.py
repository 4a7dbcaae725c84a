"""A network of its own for one process, with a cable that a test can pull."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Namespace:
    """A network namespace (Linux) that one pair of veth devices connects with ours.

    Attributes:
        name: of the namespace.
        near: our address on the cable.
        far: the address in there. It is one of the loopback device, by which its owner still reaches itself.
        launcher: what stands before a command that runs in there.
    """

    name: str
    near: str
    far: str
    launcher: tuple[str, ...]

    def cut(self) -> None:
        """Pull the cable: nothing arrives any more, either way; connections stay open."""
        _run(*self._inside, "link", "set", "cable", "down")

    def heal(self) -> None:
        """Plug it in again."""
        _run(*self._inside, "link", "set", "cable", "up")
        _run(*self._inside, "route", "replace", f"{self.near}/32", "dev", "cable", "src", self.far)

    @property
    def _inside(self) -> tuple[str, ...]:
        return ("ip", "-n", self.name)


@contextmanager
def network_namespace() -> Iterator[Namespace]:
    """A namespace until the block ends; only root may make one on Linux, elsewhere the test is skipped."""
    number, nsenter = os.getpid() % 250, shutil.which("nsenter")
    if shutil.which("ip") is None or nsenter is None:
        pytest.skip("this machine makes no network namespace: it takes Linux, iproute2 and util-linux")
    name = f"faults-{number}"
    # Of the addresses for tests of networks (RFC 2544), which lead nowhere.
    near, far = f"198.18.{number}.1", f"198.18.{number}.2"
    made = Namespace(name, near, far, (nsenter, f"--net=/run/netns/{name}"))
    try:
        _connect(made, f"faults{number}")
        yield made
    finally:
        # Its devices go with it.
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _connect(namespace: Namespace, device: str) -> None:
    name, inside = namespace.name, ("ip", "-n", namespace.name)
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", device, "type", "veth", "peer", "name", "cable", "netns", name)
        _run("ip", "address", "add", f"{namespace.near}/30", "dev", device)
        _run("ip", "link", "set", device, "up")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "address", "add", f"{namespace.far}/32", "dev", "lo")
        namespace.heal()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine makes no network namespace: {error.stderr.strip()}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
