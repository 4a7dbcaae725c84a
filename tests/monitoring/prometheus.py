"""Prometheus's own programs, installed or built by `make prometheus`, and the metrics of our programs."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from fraud.monitoring.exposition import build_registry
from fraud.monitoring.report import MonitoringReport
from fraud.settings import Settings
from serving.gateway.metrics import GatewayMetrics
from serving.ops.metrics import Metrics
from serving.webhooks.metrics import WebhookMetrics

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "k8s" / "chart" / "files" / "rules").glob("*.yaml"))

FOREIGN = (
    "up", "ALERTS", "push_time_seconds",  # Prometheus and the Pushgateway
    "kube_", "container_", "kubelet_",  # kube-state-metrics and the kubelets
)  # fmt: skip
"""Prefixes of metrics that other programs export."""

_OWN = ROOT / ".venv" / "bin"


def program(name: str) -> str:
    """Where `promtool` or `prometheus` is; the test is skipped where there is none."""
    found = shutil.which(name) or (str(_OWN / name) if (_OWN / name).exists() else None)
    if found is None:
        pytest.skip(f"{name} is not installed; `make prometheus` builds it where Go is")
    return found


def promtool(*arguments: object) -> str:
    """Run it; what it says, if it is content."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule."""
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Every alerting rule."""
    return [rule for rule in rules() if "alert" in rule]


def exported_metrics(settings: Settings, report: MonitoringReport) -> set[str]:
    """The names of all series of our programs and of the recording rules.

    Taken from the registries themselves, so that a metric that is renamed is missed here.
    """
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    metrics = Metrics()
    # Made when first used.
    _ = metrics.field_profiles
    registries = (
        metrics._registry,
        build_registry(settings, report),
        GatewayMetrics()._registry,
        WebhookMetrics()._registry,
    )
    return recorded.union(*map(_names, registries))


def _names(registry: CollectorRegistry) -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {family.name + suffix for family in registry.collect() for suffix in suffixes[family.type]}


def named_metrics(expression: str) -> set[str]:
    """The metrics that an expression of PromQL asks for."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', lambda cut: "{}" if cut[0][0] == "{" else "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w:$.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])", bare)
    return {word for word in words if word not in {"and", "or", "unless", "bool", "offset", "inf"}}
