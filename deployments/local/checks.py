"""What this machine must have: Prefect's address, a Java, the right packages, room on the disk."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from deployments.local.added import AddedServer
from deployments.local.dashboard import LocalDashboard
from deployments.local.gateway import LocalGateway
from deployments.local.parts import PartStatus, parts
from deployments.local.servers import http_ok
from deployments.local.stack import ServerStatus, Stack
from fraud.errors import ConfigurationError, UnreachableError
from fraud.health_checks import Finding, run_check
from fraud.machine.java import find_java
from fraud.machine.spark_environment import spark_version
from fraud.settings import Settings

_DISTRIBUTION = "fraud-on-kafka"
_SHOWN_PACKAGES = ("prefect", "mlflow", "pyspark", "xgboost", "confluent-kafka")
_ENOUGH_GB = 2.0


def check_machine(settings: Settings) -> list[Finding]:
    """Prefect, Java, packages and disk, in this order."""
    checks: list[tuple[str, Callable[[], str], str]] = [
        ("Prefect", partial(_prefect, settings), "start it with `fraud up`, or set PREFECT_API_URL"),
        (
            "Java",
            partial(_java, settings),
            "install Java 17, 21 or 25 and set JAVA_HOME, or run `make setup`",
        ),
        ("packages", _packages, "run `make setup`"),
        ("disk", partial(_disk, settings), "make room, or set FRAUD_HOME to a folder on another disk"),
    ]
    return [run_check(name, check, remedy) for name, check, remedy in checks]


def check_parts(settings: Settings) -> list[Finding]:
    """Each of several brokers, dashboard, gateway, scoring, work pool and champion.

    That one was not started is no failure.
    """
    added = (_added(LocalDashboard(settings.home), ""), _added(LocalGateway(settings.home), " --gateway"))
    return [
        Finding(one.name, one.state in ("ready", "stopped"), one.detail, one.remedy)
        for one in (*_brokers(Stack(settings.home)), *added, *parts(settings))
    ]


def _brokers(stack: Stack) -> list[PartStatus]:
    """Of a home with one broker none: whether it answers is asked anyway."""
    found = stack.broker_status()
    return [_server(one.name, one, "`fraud up` starts it") for one in found] if len(found) > 1 else []


def _added(server: AddedServer, option: str) -> PartStatus:
    return _server(server.name, server.status(), f"`fraud up{option}` starts it")


def _server(name: str, found: ServerStatus | None, start: str) -> PartStatus:
    if found is None or found.state == "stopped":
        return PartStatus(name, "stopped", "not started", start)
    if found.state == "ready":
        return PartStatus(name, "ready", f"{found.address} answers")
    detail = "does not answer" if found.state == "silent" else "has ended"
    return PartStatus(name, found.state, f"{found.address} {detail}", f"{start}; see {found.log}")


def _prefect(settings: Settings) -> str:
    url = settings.prefect_api_url
    if not url:
        raise ConfigurationError("no server is named; flow runs would be kept in a temporary one")
    if not http_ok(f"{url}/health"):
        raise UnreachableError(f"{url} does not answer")
    return f"{url} answers"


def _java(settings: Settings) -> str:
    """Finding a Java starts it; Spark is started too, because its scripts start Java themselves."""
    java = find_java(settings.spark.java_home)
    spark = spark_version(settings.spark.java_home)
    passed = "".join(f"; {fault}" for fault in java.passed_over)
    return f"{java.version} in {java.home} ({java.source}) for Kafka and Spark; Spark {spark} starts{passed}"


def _packages() -> str:
    wanted = [Requirement(line) for line in requires(_DISTRIBUTION) or ()]
    wrong = [f"{need} ({found})" for need in wanted if (found := _fault(need))]
    if wrong:
        raise ConfigurationError(f"not as required: {', '.join(wrong)}")
    python = ".".join(map(str, sys.version_info[:3]))
    return f"Python {python}, " + ", ".join(f"{name} {version(name)}" for name in _SHOWN_PACKAGES)


def _fault(need: Requirement) -> str:
    if need.marker is not None and not need.marker.evaluate():
        return ""
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return "missing"
    return "" if need.specifier.contains(found, prereleases=True) else f"found {found}"


def _disk(settings: Settings) -> str:
    home = settings.home.resolve()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if free < _ENOUGH_GB:
        raise ConfigurationError(f"{free:.1f} GB are free at {existing}, {_ENOUGH_GB:.0f} GB are needed")
    return f"{free:,.0f} GB free at {existing}"
