"""Rendering the chart with the helm that is installed, or that `make helm` built."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "k8s" / "chart"
Manifest = dict[str, Any]

_OWN_HELM = ROOT / ".venv" / "bin" / "helm"
LONG_RUNNING = ("Deployment", "StatefulSet")
WITH_PODS = (*LONG_RUNNING, "Job")

VARIANTS: dict[str, tuple[str, ...]] = {
    "local": (
        *("-f", "values-local.yaml", "--set", "producer.enabled=true"),
        *("--set", "gateway.enabled=true,gateway.existingSecret=fraud-gateway-keys"),
        *("--set", "webhooks.enabled=true,webhooks.existingSecret=fraud-webhooks"),
        *("--set", "webhooks.endpoints.orders.url=https://orders.example.com/fraud"),
        *("--set", "webhooks.endpoints.orders.outcomes={decline}"),
    ),
    "eks": (
        *("-f", "values-eks.yaml", "-f", str(Path(__file__).with_name("values-terraform.yaml"))),
        *("--set", "ingress.enabled=true,ingress.hosts.prefect=prefect.example.com"),
        *("--set", "ingress.hosts.mlflow=mlflow.example.com,ingress.hosts.dashboard=fraud.example.com"),
        *("--set", "gateway.enabled=true,gateway.oidc.issuer=https://login.example.com"),
        *("--set", "networkPolicies.egress.oidc={203.0.113.0/24}"),
        *("--set", "ingress.hosts.gateway=decisions.example.com,gateway.clients[0].namespace=payments"),
        *("--set", "webhooks.enabled=true,webhooks.existingSecret=hooks,webhooks.replicas=2"),
        *(
            "--set",
            "webhooks.endpoints.to-chat.url=https://chat.example.com:8443/a,webhooks.ports={443,8443}",
        ),
        *("--set", "dashboard.oidc.issuer=https://login.example.com,dashboard.oidc.clientId=fraud-dashboard"),
        *("--set", "dashboard.oidc.existingSecret=fraud-oidc,dashboard.oidc.roles.fraud-lead=admin"),
        *("--set", "monitoring.enabled=true,flowRuns.spark.mode=kubernetes"),
        *("--api-versions", "keda.sh/v1alpha1"),
    ),
}


def helm_program() -> str | None:
    """Where helm is; None: nowhere."""
    return shutil.which("helm") or (str(_OWN_HELM) if _OWN_HELM.exists() else None)


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm in the chart's folder; the test is skipped where there is none."""
    program = helm_program()
    if program is None:
        pytest.skip("helm is not installed; `make helm` builds it where Go is")
    return subprocess.run(
        [program, *arguments], cwd=CHART, capture_output=True, text=True, check=False, timeout=60
    )


def render(*arguments: str) -> list[Manifest]:
    """What the chart makes of these values."""
    done = helm("template", "fraud", ".", "--namespace", "fraud", "--set", "image.tag=abc123", *arguments)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@cache
def variant(name: str) -> tuple[Manifest, ...]:
    """What the chart makes of one of its values files."""
    return tuple(render(*VARIANTS[name]))


def refusal(*arguments: str) -> str:
    """Why these values are refused."""
    done = helm("template", "fraud", ".", "-f", "values-local.yaml", "--set", "image.tag=abc123", *arguments)
    assert done.returncode != 0, "accepted"
    return done.stderr


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    """Those of some kinds."""
    return [one for one in manifests if one["kind"] in kinds]


def named(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    """The one of this kind and name."""
    (found,) = [one for one in of_kind(manifests, kind) if one["metadata"]["name"] == name]
    return found


def pod_of(manifest: Manifest) -> Manifest:
    """The specification of its pods."""
    spec: Manifest = manifest["spec"]["template"]["spec"]
    return spec


def containers_of(manifest: Manifest) -> list[Manifest]:
    """All containers of its pods, the initial ones too."""
    pod = pod_of(manifest)
    return [*pod.get("initContainers", []), *pod["containers"]]


def environment_of(manifests: tuple[Manifest, ...], name: str) -> dict[str, str]:
    """The data of a ConfigMap."""
    data: dict[str, str] = named(manifests, "ConfigMap", name)["data"]
    return data


def pool_defaults(manifests: tuple[Manifest, ...]) -> dict[str, Any]:
    """The values that the chart gives the job template."""
    defaults: dict[str, Any] = json.loads(environment_of(manifests, "fraud-pool")["pool.json"])
    return defaults
