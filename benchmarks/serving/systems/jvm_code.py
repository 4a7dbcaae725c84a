"""The peers on the JVM: their jars, by locks of checksums, and their classes, by the JDK's own compiler.

`python -m benchmarks.serving.systems.jvm_code` resolves the jars again and rewrites the locks.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deployments.local.ivy import Modules
from deployments.local.jars import locked_jars, relock
from fraud.errors import ConfigurationError
from fraud.machine.cache import cache_folder
from fraud.machine.java import Java, find_java
from fraud.settings import load_settings

SOURCES = Path(__file__).with_name("jvm")
_SHARED = (
    ("ml.dmlc", "xgboost4j_2.12", "3.4.0"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
)
_FLINK = ("streaming-java", "clients", "connector-base", "statebackend-rocksdb")


@dataclass(frozen=True)
class JvmProgram:
    """A peer: its class, the modules it needs, and options of its JVM beside the heap."""

    main: str
    modules: Modules
    options: tuple[str, ...] = ()

    @property
    def lock(self) -> Path:
        """Its jars and their checksums."""
        return SOURCES / f"{self.main}.lock"

    def command(self, heap_mb: int) -> list[str]:
        """The command line that runs it, without its arguments; fetches and compiles at first use.

        Raises:
            ConfigurationError: there is no JDK.
            DataError: a jar is not the locked one.
            UnreachableError: the jars cannot be fetched.
            RuntimeError: the sources do not compile.
        """
        java = find_java(load_settings().spark.java_home)
        jars = locked_jars(self.modules, self.lock, java=java)
        classes = _classes(self, java, jars)
        # A heap of one size, as the manuals of both systems advise; the broker's log level.
        options = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", "-Dlog4j2.level=ERROR", *self.options]
        path = f"{classes}:{jars}/*"
        return [str(java.executable), *java.options(), *options, "-cp", path, f"peers.{self.main}"]


STREAMS = JvmProgram("StreamsPeer", (("org.apache.kafka", "kafka-streams", "4.4.0"), *_SHARED))
FLINK = JvmProgram(
    "FlinkPeer",
    (
        *(("org.apache.flink", f"flink-{name}", "2.2.1") for name in _FLINK),
        ("org.apache.flink", "flink-connector-kafka", "5.0.0-2.2"),
        *_SHARED,
    ),
)


def jdk_tool(java: Java, name: str) -> Path:
    """A program of the JDK beside its `java`.

    Raises:
        ConfigurationError: it is a runtime without such programs.
    """
    found = java.executable.with_name(name)
    if not found.is_file():
        raise ConfigurationError(
            f"{java.home} has no bin/{name}, which the benchmark of peers needs; install a JDK and set "
            "JAVA_HOME to it"
        )
    return found


def heap_mb(pid: int) -> float:
    """What the objects in use of a running JVM take, in MB; collects its garbage first."""
    jcmd = jdk_tool(find_java(load_settings().spark.java_home), "jcmd")
    command = [str(jcmd), str(pid), "GC.class_histogram"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    total = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("Total"))
    return int(total.split()[2]) / 1e6


def _classes(program: JvmProgram, java: Java, jars: Path) -> Path:
    """The folder of a program's classes; compiled once for what its sources and its lock hold."""
    shared = sorted(path for path in SOURCES.glob("*.java") if not path.stem.endswith("Peer"))
    sources = [*shared, SOURCES / f"{program.main}.java"]
    content = b"".join(path.read_bytes() for path in (*sources, program.lock)) + java.version.encode()
    folder = cache_folder("benchmark-peers", content)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".compile-", dir=folder.parent) as scratch:
            _compile(jdk_tool(java, "javac"), sources, jars, Path(scratch) / "classes")
            shutil.move(Path(scratch) / "classes", folder)
    return folder


def _compile(javac: Path, sources: list[Path], jars: Path, folder: Path) -> None:
    # The jars' own manifests name others that are not there, hence not the lint of paths.
    options = ["-encoding", "UTF-8", "-Xlint:all,-path,-processing", "-Werror", "-proc:none"]
    command = [str(javac), *options, "-d", str(folder), "-cp", f"{jars}/*", *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the peers' sources do not compile:\n{done.stderr[-4_000:]}")


def main() -> None:
    """Write every program's lock."""
    for program in (STREAMS, FLINK):
        sys.stdout.write(f"locked {relock(program.modules, program.lock)} jars in {program.lock.name}\n")


if __name__ == "__main__":
    main()
