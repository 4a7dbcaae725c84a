"""What a real API server accepts: our objects under `restricted`, of worker and drivers what is theirs.

No image is needed: nothing here runs. docs/kubernetes.md says what the cluster needs.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prefect.utilities.templating import apply_values

from deployments.orchestration.pools import kubernetes_template
from tests.kubernetes.cluster import Cluster, missing, until
from tests.kubernetes.rendering import (
    VARIANTS,
    WITH_PODS,
    Manifest,
    environment_of,
    of_kind,
    pool_defaults,
    render,
)
from tests.test_prefect_yaml import deployments_of

reason = missing()
pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(reason is not None, reason=str(reason)),
    pytest.mark.timeout(300),
]

DIGEST = f"sha256:{'a' * 64}"
WORKER = "fraud-prefect-worker"
DRIVERS = ("fraud-preprocess", "fraud-trainer", "fraud-pipeline")
ON_EXECUTORS = ("--set", "flowRuns.spark.mode=kubernetes")
# The defaults of values.yaml with what they cannot know: where Kafka, Postgres and S3 are.
DEFAULTS = (
    *("--set", "kafka.bootstrapServers=kafka.example.com:9092,kafka.saslMechanism=SCRAM-SHA-512"),
    *("--set", "postgres.external.host=postgres.example.com,postgres.external.port=5432"),
    *("--set", "networkPolicies.egress.kafka={203.0.113.0/24},networkPolicies.egress.s3={203.0.113.0/24}"),
    *("--set", "networkPolicies.egress.postgres={203.0.113.0/24}"),
    *("--set", "dashboard.passwords.existingSecret=fraud-dashboard"),
)
EVERYTHING = {
    "defaults": DEFAULTS,
    "values-local": ("-f", "values-local.yaml"),
    **VARIANTS,
    "local with executors": (*VARIANTS["local"], *ON_EXECUTORS),
    "eks with policies": (*VARIANTS["eks"], "--set", "admission.create=true"),
}
OF_OPERATORS = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
INSTALLATIONS = {
    "local": VARIANTS["local"],
    "executors": (*VARIANTS["local"], *ON_EXECUTORS),
    "digests": (*VARIANTS["local"], *ON_EXECUTORS, "--set", f"image.digests.flows={DIGEST}"),
    "eks": (*VARIANTS["eks"], "--set", "admission.create=true"),
}


class Namespace(Cluster):
    """A namespace under `restricted` with accounts, roles and policies of a release, and no pod."""

    manifests: tuple[Manifest, ...] = ()

    def install(self, *values: str) -> None:
        """Apply what limits the pods of these values, instead of what was applied before."""
        self.manifests = tuple(render(*values, "--namespace", self.namespace))
        limits = ("ServiceAccount", "Role", "RoleBinding", "ValidatingAdmissionPolicy")
        made = of_kind(self.manifests, *limits, "ValidatingAdmissionPolicyBinding")
        self.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(made))

    def remove_policies(self) -> None:
        """Remove the policies, which are the cluster's and outlive the namespace."""
        kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings"
        names = [f"fraud-{policy}-{self.namespace}" for policy in ("worker", "driver")]
        self.kubectl("delete", kinds, *names, "--ignore-not-found")

    def job(self, **variables: Any) -> Manifest:
        """The Job of a flow run as Prefect's worker makes it of the pool's template."""
        template = kubernetes_template(pool_defaults(self.manifests))
        properties = template["variables"]["properties"].items()
        defaults = {name: one.get("default") for name, one in properties} | {"name": "run"}
        job: Manifest = apply_values(template["job_configuration"]["job_manifest"], defaults | variables)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        container["args"] = ["prefect", "flow-run", "execute"]
        container["env"] = [*container["env"], secret_variable("fraud-prefect", "auth-string")]
        job["metadata"] = {"generateName": "run-", "namespace": self.namespace}
        return job

    def executor(self) -> Manifest:
        """An executor as Spark's driver makes it of the chart's pod template."""
        pod: Manifest = yaml.safe_load(environment_of(self.manifests, "fraud-spark")["executor.yaml"])
        pod["metadata"]["name"] = "run-exec-1"
        (container,) = pod["spec"]["containers"]
        container["image"] = pool_defaults(self.manifests)["image"]
        return pod


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """A namespace of its own, which goes with the tests, and the policies with it."""
    made = Namespace()
    made.kubectl("create", "namespace", made.namespace)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    made.kubectl("label", "namespace", made.namespace, *levels)
    yield made
    made.remove_policies()
    made.kubectl("delete", "namespace", made.namespace, "--wait=false", check=False)


@pytest.fixture(scope="module", params=INSTALLATIONS)
def limited(namespace: Namespace, request: pytest.FixtureRequest) -> Namespace:
    """The namespace with the policies of one installation, in force."""
    namespace.install(*INSTALLATIONS[request.param])
    wait_until_in_force(namespace)
    return namespace


@pytest.fixture(scope="module", params=[name for name in INSTALLATIONS if name != "local"])
def with_executors(namespace: Namespace, request: pytest.FixtureRequest) -> Namespace:
    """The same of an installation whose flow runs make executors."""
    namespace.install(*INSTALLATIONS[request.param])
    wait_until_in_force(namespace)
    return namespace


def wait_until_in_force(namespace: Namespace) -> None:
    """Until an applied policy is in force, which takes a moment: it refuses, and lets ours through."""
    refused, proper = namespace.job(service_account_name="fraud-admin"), namespace.job()
    said = "service account must be"
    until(lambda: said in namespace.tried_by(WORKER, refused), 30, "the policy of the worker")
    until(lambda: namespace.tried_by(WORKER, proper) == "", 30, namespace.tried_by(WORKER, proper))


def secret_variable(name: str, key: str) -> Manifest:
    return {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def projected(*sources: Manifest) -> Manifest:
    return {"name": "more", "projected": {"sources": list(sources)}}


def changed(pod: Manifest, change: Manifest) -> Manifest:
    """The pod with other fields; `container`, `variable`, `volume` and `first` add to what it has."""
    pod, change = json.loads(json.dumps(pod)), dict(change)
    (container,) = pod["containers"]
    container |= change.pop("container", {})
    container["env"] = [*container.get("env", []), *change.pop("variable", [])]
    pod["volumes"] = [*pod["volumes"], *change.pop("volume", [])]
    more = [container | {"name": "first"} | one for one in change.pop("first", [])]
    return pod | change | ({"initContainers": more} if more else {})


# ---- restricted


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_object_is_accepted_and_none_with_a_warning(namespace: Namespace, name: str) -> None:
    manifests = render(*EVERYTHING[name], "--namespace", namespace.namespace)
    groups = {one["apiVersion"] for one in manifests}
    there = {group for group in groups if namespace.has(group)}
    known = [one for one in manifests if one["apiVersion"] in there]
    assert {one["kind"] for one in manifests if one not in known} <= OF_OPERATORS
    assert namespace.tried(known) == ""


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_pod_is_admitted_under_restricted(namespace: Namespace, name: str) -> None:
    # A Deployment is never refused for its pods: the pods are tried themselves.
    namespace.install(*EVERYTHING[name], "--set", "admission.create=false")
    pods = [pod_like(one) for one in of_kind(namespace.manifests, *WITH_PODS)]
    pods.append(pod_like(namespace.job() | {"metadata": {"name": "flow-run"}}))
    if "fraud-spark" in [one["metadata"]["name"] for one in of_kind(namespace.manifests, "ConfigMap")]:
        pods.append(namespace.executor())
    assert namespace.tried(pods) == ""


def test_a_pod_that_runs_as_root_is_refused(namespace: Namespace) -> None:
    namespace.install(*VARIANTS["local"], "--set", "admission.create=false")
    pod = pod_like(of_kind(namespace.manifests, "Deployment")[0])
    pod["spec"]["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}
    assert 'violates PodSecurity "restricted' in namespace.tried([pod])


def pod_like(manifest: Manifest) -> Manifest:
    """A pod as the controller of a manifest makes it; claims are empty folders."""
    template: Manifest = json.loads(json.dumps(manifest["spec"]["template"]))
    claims = [one["metadata"]["name"] for one in manifest["spec"].get("volumeClaimTemplates", [])]
    volumes = [*template["spec"].get("volumes", []), *({"name": name, "emptyDir": {}} for name in claims)]
    metadata = template["metadata"] | {"name": manifest["metadata"]["name"]}
    spec = template["spec"] | {"volumes": volumes}
    # Prefect wants these of a Job in its pods, where the API server ignores them.
    spec = {name: value for name, value in spec.items() if name not in ("completions", "parallelism")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


# ---- what Prefect's worker starts


def test_the_worker_starts_every_flow_of_ours(limited: Namespace) -> None:
    for deployment in deployments_of("kubernetes"):
        variables = dict(deployment["work_pool"]["job_variables"])
        variables.pop("image", None)
        assert limited.tried_by(WORKER, limited.job(**variables)) == "", deployment["entrypoint"]


ACCOUNT, SECRET = "service account must be", "environment may take no secret but"
VOLUME, IMAGE = "volumes may be", "must run the image flows"
ATTACKS: list[tuple[str, Manifest, str]] = [
    ("serving's account", {"serviceAccountName": "fraud-serving"}, ACCOUNT),
    ("Kafka's administrator", {"serviceAccountName": "fraud-admin"}, ACCOUNT),
    ("its own account", {"serviceAccountName": WORKER}, ACCOUNT),
    ("the default account", {"serviceAccountName": "default"}, ACCOUNT),
    ("no account", {"serviceAccountName": None}, ACCOUNT),
    ("the former field", {"serviceAccountName": None, "serviceAccount": "fraud-admin"}, ACCOUNT),
    ("a database", {"variable": [secret_variable("fraud-database-mlflow", "uri")]}, SECRET),
    ("the first password", {"variable": [secret_variable("fraud-dashboard", "password")]}, SECRET),
    ("another identity", {"variable": [secret_variable("fraud-serving-kafka", "password")]}, SECRET),
    ("MLflow's administrator", {"variable": [secret_variable("fraud-mlflow", "admin")]}, SECRET),
    ("who may promote", {"variable": [secret_variable("fraud-mlflow", "dashboard")]}, SECRET),
    ("MLflow's key of sessions", {"variable": [secret_variable("fraud-mlflow", "secret-key")]}, SECRET),
    ("a whole secret", {"container": {"envFrom": [{"secretRef": {"name": "fraud-mlflow"}}]}}, SECRET),
    ("a container before", {"first": [{"env": [secret_variable("fraud-database-mlflow", "uri")]}]}, SECRET),
    (
        "an identity's folder",
        {"volume": [projected({"secret": {"name": "fraud-serving-kafka"}})]},
        VOLUME,
    ),
    (
        "one beside its own",
        {
            "volume": [
                projected(
                    {"secret": {"name": "fraud-trainer-kafka"}}, {"secret": {"name": "fraud-admin-kafka"}}
                )
            ]
        },
        VOLUME,
    ),
    ("a secret", {"volume": [{"name": "more", "secret": {"secretName": "fraud-dashboard"}}]}, VOLUME),
    ("a token", {"volume": [projected({"serviceAccountToken": {"path": "token"}})]}, VOLUME),
    (
        "another's volume",
        {"volume": [{"name": "more", "persistentVolumeClaim": {"claimName": "data-fraud-dashboard-0"}}]},
        VOLUME,
    ),
    (
        "a driver's secret",
        {
            "volume": [
                {
                    "name": "more",
                    "csi": {"driver": "x.example.com", "nodePublishSecretRef": {"name": "fraud-dashboard"}},
                }
            ]
        },
        VOLUME,
    ),
    ("another image", {"container": {"image": "docker.io/evil/flows:1"}}, IMAGE),
    ("an image of that beginning", {"container": {"image": "fraud/flows-of-mine:1"}}, IMAGE),
    ("serving's image", {"container": {"image": "fraud/serving:abc123"}}, IMAGE),
    ("an image before", {"first": [{"image": "docker.io/evil/flows:1"}]}, IMAGE),
]
every_attack = pytest.mark.parametrize(
    ("change", "sentence"),
    [pytest.param(change, sentence, id=name) for name, change, sentence in ATTACKS],
)


@every_attack
def test_the_worker_starts_nothing_else(limited: Namespace, change: Manifest, sentence: str) -> None:
    job = limited.job(service_account_name="fraud-trainer")
    job["spec"]["template"]["spec"] = changed(job["spec"]["template"]["spec"], change)
    refused = limited.tried_by(WORKER, job)
    assert sentence in refused, refused
    assert "ValidatingAdmissionPolicy 'fraud-worker-" in refused


BOTH_KEYS = [{"key": name, "path": name} for name in ("public", "private")]


@pytest.mark.parametrize("account", ["fraud-ingest", "fraud-preprocess", "fraud-monitor"])
@pytest.mark.parametrize("keys", [BOTH_KEYS, BOTH_KEYS[1:], None], ids=["both", "private", "whole secret"])
def test_a_run_that_promotes_nothing_has_no_signing_key(
    limited: Namespace, account: str, keys: list[Manifest] | None
) -> None:
    job = limited.job(service_account_name=account)
    (signing,) = [one for one in job["spec"]["template"]["spec"]["volumes"] if one["name"] == "signing"]
    assert limited.tried_by(WORKER, job) == ""
    signing["secret"] |= {"items": keys}
    assert VOLUME in limited.tried_by(WORKER, job)


def test_the_worker_gives_no_token_where_spark_makes_no_pods(namespace: Namespace) -> None:
    namespace.install(*INSTALLATIONS["local"])
    wait_until_in_force(namespace)
    refused = namespace.tried_by(WORKER, namespace.job(automount_token=True))
    assert "must not have a token of its service account" in refused


def test_the_worker_makes_jobs_alone(limited: Namespace) -> None:
    job = limited.job()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}}
    cron["spec"] = {"schedule": "* * * * *", "jobTemplate": {"spec": job["spec"]}}
    for manifest in (pod | {"spec": job["spec"]["template"]["spec"]}, cron):
        assert "cannot create resource" in limited.tried_by(WORKER, manifest)


# ---- what Spark's drivers start


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_driver_starts_executors_as_their_account(with_executors: Namespace, driver: str) -> None:
    pod = with_executors.executor()
    assert with_executors.tried_by(driver, pod) == ""
    pod["spec"]["serviceAccountName"] = "fraud-admin"
    assert ACCOUNT in with_executors.tried_by(driver, pod)


@every_attack
def test_a_driver_starts_nothing_else(with_executors: Namespace, change: Manifest, sentence: str) -> None:
    pod = with_executors.executor()
    refused = with_executors.tried_by("fraud-trainer", pod | {"spec": changed(pod["spec"], change)})
    assert sentence in refused, refused
    assert "ValidatingAdmissionPolicy 'fraud-driver-" in refused


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"automountServiceAccountToken": True}, "must not have a token of its service account"),
        ({"serviceAccountName": "fraud-trainer"}, ACCOUNT),
        ({"variable": [secret_variable("fraud-prefect", "auth-string")]}, SECRET),
        ({"volume": [{"name": "more", "secret": {"secretName": "fraud-signing"}}]}, VOLUME),
    ],
    ids=["a token", "another flow's account", "Prefect's password", "the signing key"],
)
def test_an_executor_has_less_than_a_flow_run(
    with_executors: Namespace, change: Manifest, sentence: str
) -> None:
    pod = with_executors.executor()
    refused = with_executors.tried_by("fraud-trainer", pod | {"spec": changed(pod["spec"], change)})
    assert sentence in refused, refused


# ---- secrets


def test_no_account_of_ours_reads_a_secret(namespace: Namespace) -> None:
    # given a secret, and the accounts of the release
    namespace.install(*INSTALLATIONS["executors"])
    namespace.kubectl("create", "secret", "generic", "fraud-mlflow", "--from-literal=admin=x")
    accounts = [one["metadata"]["name"] for one in of_kind(namespace.manifests, "ServiceAccount")]
    assert {WORKER, *DRIVERS} < set(accounts)
    # then none reads it by its name, and none lists all
    for account in accounts:
        assert 'cannot get resource "secrets"' in namespace.said_to(account, "get", "secret", "fraud-mlflow")
        assert 'cannot list resource "secrets"' in namespace.said_to(account, "get", "secrets")
