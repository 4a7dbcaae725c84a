"""A release of the chart on the cluster that KUBECONFIG names, and what the tests ask of it."""

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import yaml

from tests.kubernetes.rendering import CHART, ROOT, Manifest, helm_program

INSIDE = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
NAME = "fraud"


def missing() -> str | None:
    """Why no cluster can be used here; None: one can."""
    if not os.environ.get("KUBECONFIG"):
        return "KUBECONFIG names no cluster"
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    if helm_program() is None:
        return "helm is not installed; `make helm` builds it where Go is"
    asked = subprocess.run(
        ["kubectl", "get", "--raw", "/readyz"], capture_output=True, text=True, check=False, timeout=30
    )
    return None if asked.returncode == 0 else f"the cluster does not answer: {asked.stderr.strip()}"


@dataclass
class Cluster:
    """One namespace of one cluster, with the images that FRAUD_TEST_* name."""

    namespace: str = field(default_factory=lambda: f"fraud-test-{uuid.uuid4().hex[:6]}")
    tag: str = field(default_factory=lambda: os.environ.get("FRAUD_TEST_TAG", "test"))
    own_servers: bool = field(default_factory=lambda: os.environ.get("FRAUD_TEST_SERVERS") == "own")

    @property
    def values(self) -> list[str]:
        """The values of every installation here."""
        chosen = ["-f", str(CHART / "values-local.yaml"), "--set", f"image.tag={self.tag}"]
        if self.own_servers:
            images = ",".join(
                f"{part}.image=fraud-test/{part}:{self.tag}" for part in ("kafka", "postgres", "s3")
            )
            chosen += ["--set", images]
        # Short, so that the tests see a model within seconds.
        return [
            *chosen,
            "--set",
            "flowRuns.env.FRAUD_TRAINING__TRIALS=2",
            "--set",
            "flowRuns.env.FRAUD_REGISTRY__POLL_INTERVAL_S=2",
            # Beside the dashboard runs inside.py, which compares all identifiers.
            "--set",
            "dashboard.resources.limits.memory=1Gi",
        ]

    def has(self, api: str) -> bool:
        """Whether the cluster knows a group of kinds."""
        return api in self.kubectl("api-versions").splitlines()

    def helm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm in the namespace."""
        return self._run(
            [str(helm_program()), *arguments, "--namespace", self.namespace], check=check, timeout=900
        )

    def upgrade(self, *arguments: str) -> None:
        """Install or upgrade the release; does not wait, for a first one has no model."""
        self.helm("upgrade", "--install", NAME, str(CHART), "--create-namespace", *self.values, *arguments)

    def kubectl(
        self, *arguments: str, text: str | None = None, check: bool = True, timeout: float = 600
    ) -> str:
        """Run kubectl in the namespace; returns what it prints."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        return self._run(command, text=text, check=check, timeout=timeout).stdout

    def tried(self, manifests: list[Manifest]) -> str:
        """What the cluster says, warnings too, when an administrator applies these; else nothing."""
        return self._said("apply", "--dry-run=server", "-f", "-", text=yaml.safe_dump_all(manifests))

    def tried_by(self, account: str, manifest: Manifest) -> str:
        """What the cluster says when a service account makes this object; nothing when it may."""
        # Prefect's Jobs have a field too many, which its own client sends as well.
        command = ("create", "--dry-run=server", "--validate=ignore", "-f", "-")
        return self.said_to(account, *command, text=json.dumps(manifest))

    def said_to(self, account: str, *arguments: str, text: str | None = None) -> str:
        """What kubectl prints as errors and warnings when a service account uses it."""
        return self._said(*arguments, f"--as=system:serviceaccount:{self.namespace}:{account}", text=text)

    def _said(self, *arguments: str, text: str | None = None) -> str:
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        return self._run(command, text=text, check=False).stderr

    def get(self, *what: str) -> Manifest:
        """An object, or a list of them."""
        found: Manifest = json.loads(self.kubectl("get", *what, "--output", "json"))
        return found

    def wait_for_servers(self) -> None:
        """Until jobs have ended and servers are there."""
        self.kubectl("wait", "job", "--all", "--for=condition=complete", "--timeout=600s", timeout=660)
        for server in ("fraud-mlflow", "fraud-prefect-server", "fraud-prefect-worker"):
            self.kubectl("rollout", "status", f"deployment/{server}", "--timeout=600s", timeout=660)

    def prefect(self, *arguments: str, check: bool = True) -> str:
        """Prefect's command line against the server of the release."""
        environment = dict(os.environ) | {
            "NAMESPACE": self.namespace,
            "FRAUD_BUILT": "1",
            "FRAUD_TAG": self.tag,
            "COLUMNS": "200",
        }
        prefect = ROOT / ".venv" / "bin" / "prefect"
        command = [str(ROOT / "k8s" / "forward"), str(prefect), "--no-prompt", *arguments]
        return self._run(command, environment=environment, check=check, timeout=1800).stdout

    def run_flow(self, deployment: str, *, succeeds: bool = True, **parameters: Any) -> str:
        """Run a deployment through the Kubernetes pool until it has ended."""
        given = [
            text for name, value in parameters.items() for text in ("--param", f"{name}={json.dumps(value)}")
        ]
        small = {"cpu_request": "100m", "cpu_limit": "2", "memory_request": "768Mi", "memory_limit": "3Gi"}
        # As JSON: Prefect takes a bare 2 for a number.
        variables = [text for one in small.items() for text in ("--job-variable", f'{one[0]}="{one[1]}"')]
        command = ("deployment", "run", deployment, *given, *variables, "--watch", "--watch-timeout", "1500")
        return self.prefect(*command, check=succeeds)

    @contextmanager
    def watching(self, selector: str) -> Iterator[set[tuple[str, str, str]]]:
        """Name, service account and phase of every pod as it is seen during the block; complete after it."""
        columns = "NAME:.metadata.name,ACCOUNT:.spec.serviceAccountName,PHASE:.status.phase"
        chosen = ["--selector", selector, "--watch", "--no-headers", "--output", f"custom-columns={columns}"]
        command = ["kubectl", "--namespace", self.namespace, "get", "pods", *chosen]
        seen: set[tuple[str, str, str]] = set()
        with TemporaryFile("w+") as output:
            watch = subprocess.Popen(command, stdout=output)
            try:
                yield seen
            finally:
                watch.terminate()
                watch.wait()
                output.seek(0)
                for line in output:
                    name, account, phase = line.split()
                    seen.add((name, account, phase))

    def log_of_flow(self, flow: str) -> str:
        """What the newest run of a flow has logged, from its pod."""
        jobs = self.get("jobs", "--selector", f"prefect.io/flow-name={flow}")["items"]
        newest = max(jobs, key=lambda one: str(one["metadata"]["creationTimestamp"]))
        return self.kubectl("logs", f"job/{newest['metadata']['name']}", "--tail=-1")

    def inside(self, *arguments: str) -> Any:
        """Ask a scoring engine's pod; see inside.py. What topics hold, only the dashboard may read."""
        if arguments[0] == "compare":
            return self.inside_dashboard(*arguments)
        return self._ask(self.serving_pods()[0], "serving", *arguments)

    def inside_dashboard(self, *arguments: str) -> Any:
        """Ask the dashboard's pod, whose user of MLflow may promote."""
        return self._ask("fraud-dashboard-0", "dashboard", *arguments)

    def _ask(self, pod: str, container: str, *arguments: str) -> Any:
        return json.loads(
            self.kubectl("exec", "-i", pod, "-c", container, "--", "python", "-", *arguments, text=INSIDE)
        )

    def serving_pods(self) -> list[str]:
        """The names of the ready pods that score."""
        pods = self.get("pods", "--selector", "app.kubernetes.io/component=serving")["items"]
        return [one["metadata"]["name"] for one in pods if is_ready(one)]

    def produce(self, name: str, *arguments: str) -> None:
        """Start a Job that simulates."""
        container = {
            "name": "producer",
            "image": f"fraud/producer:{self.tag}",
            "command": ["python", "-m", "deployments.cli", "simulate", *arguments, "--no-truth"],
            "envFrom": [{"configMapRef": {"name": name}} for name in ("fraud-settings", "fraud-kafka")],
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                *({"name": "tmp", "mountPath": path} for path in ("/tmp", "/var/lib/fraud")),
                {"name": "kafka", "mountPath": "/etc/fraud/kafka"},
            ],
        }
        labels = {
            "app.kubernetes.io/name": "fraud",
            "app.kubernetes.io/instance": NAME,
            "app.kubernetes.io/component": "producer",
        }
        pod = {
            "restartPolicy": "Never",
            "serviceAccountName": "fraud-producer",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [
                {"name": "tmp", "emptyDir": {}},
                {"name": "kafka", "secret": {"secretName": "fraud-producer-kafka", "defaultMode": 0o440}},
            ],
        }
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }
        self.kubectl("apply", "-f", "-", text=yaml.safe_dump(job))

    def refusal(self, name: str, **settings: str) -> str:
        """Why serving's init container ends, when given other settings: what `kubectl describe pod` shows."""
        pod = self.get("deployment", "fraud-serving")["spec"]["template"]["spec"]
        (asking,) = pod.pop("initContainers")
        asking["args"].append("--patience=5")
        asking["env"] += [{"name": key, "value": value} for key, value in settings.items()]
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": pod | {"containers": [asking], "restartPolicy": "Never"},
        }
        self.kubectl("apply", "-f", "-", text=yaml.safe_dump(manifest))
        self.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Failed", "--timeout=120s")
        (status,) = self.get("pod", name)["status"]["containerStatuses"]
        self.kubectl("delete", "pod", name, "--wait=false")
        return str(status["state"]["terminated"]["message"])

    def wait_for_job(self, name: str) -> None:
        """Until a Job has completed; one that failed shows why."""

        def ended() -> bool:
            status = self.get("job", name)["status"]
            assert not status.get("failed"), self.kubectl("logs", f"job/{name}", "--tail=20")
            return bool(status.get("succeeded"))

        until(ended, 900, f"the job {name} completes")

    def _run(
        self,
        command: list[str],
        *,
        text: str | None = None,
        check: bool = True,
        timeout: float = 600,
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=ROOT,
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is ready and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def until(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    """Wait for a condition of the cluster."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience_s:.0f} s: {what}"
        time.sleep(2)
