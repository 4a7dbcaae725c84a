"""The limit of a process's memory, whichever way the system gives it."""

import os
from pathlib import Path

import pytest

from fraud.machine.process_metrics import memory_limit_bytes

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
LIMIT = 64 * 1024 * 1024
NO_LIMIT_OF_VERSION_1 = str((1 << 63) - 4096)
POD = "kubepods.slice/pod1/container1"
VERSION_1 = "9:name=systemd:/\n4:cpu,memory:/{group}\n0::/{group}\n"


@pytest.mark.parametrize(
    ("membership", "files", "limit"),
    [
        pytest.param("0::/\n", {"memory.max": f"{LIMIT}\n"}, LIMIT, id="a container"),
        pytest.param(
            f"0::/{POD}\n", {"memory.max": f"{LIMIT}\n"}, LIMIT, id="a container that sees the host's path"
        ),
        pytest.param(f"0::/{POD}\n", {f"{POD}/memory.max": f"{LIMIT}\n"}, LIMIT, id="a service"),
        pytest.param(
            f"0::/{POD}\n",
            {f"{POD}/memory.max": "max\n", "kubepods.slice/pod1/memory.max": f"{LIMIT}\n"},
            LIMIT,
            id="the pod has the limit",
        ),
        pytest.param(
            f"0::/{POD}\n",
            {f"{POD}/memory.max": f"{2 * LIMIT}\n", "kubepods.slice/memory.max": f"{LIMIT}\n"},
            LIMIT,
            id="the lower of two",
        ),
        pytest.param("0::/../other\n", {"memory.max": f"{LIMIT}\n"}, LIMIT, id="from another namespace"),
        pytest.param("0::/\n", {"memory.max": "max\n"}, MACHINE, id="no limit"),
        pytest.param("0::/\n", {"memory.max": f"{2 * MACHINE}\n"}, MACHINE, id="more than the machine has"),
        pytest.param("0::/\n", {}, MACHINE, id="no cgroups"),
        pytest.param("", {}, MACHINE, id="no Linux"),
        pytest.param(
            VERSION_1.format(group=POD),
            {f"memory/{POD}/memory.limit_in_bytes": f"{LIMIT}\n"},
            LIMIT,
            id="version 1",
        ),
        pytest.param(
            VERSION_1.format(group=POD),
            {"memory/memory.limit_in_bytes": f"{LIMIT}\n"},
            LIMIT,
            id="version 1, a container",
        ),
        pytest.param(
            VERSION_1.format(group=POD),
            {f"memory/{POD}/memory.limit_in_bytes": f"{NO_LIMIT_OF_VERSION_1}\n"},
            MACHINE,
            id="version 1, no limit",
        ),
    ],
)
def test_the_limit_is_that_of_the_container_else_the_machine_s_memory(
    tmp_path: Path, membership: str, files: dict[str, str], limit: int
) -> None:
    # given what the system says of the process and of the cgroups
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    (tmp_path / "membership").write_text(membership)
    # then
    assert memory_limit_bytes(tmp_path / "membership", tmp_path / "cgroup") == limit


def test_without_the_file_of_cgroups_the_limit_is_the_machine_s_memory(tmp_path: Path) -> None:
    assert memory_limit_bytes(tmp_path / "none", tmp_path) == MACHINE
