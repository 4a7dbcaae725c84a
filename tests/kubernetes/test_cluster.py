"""The chart on a real cluster, from nothing to a scored transaction and back to nothing.

The tests are one story and run in the order in which they stand. docs/kubernetes.md says what they need.
"""

import json
import re
from collections.abc import Iterator

import pytest

from tests.kubernetes.cluster import NAME, Cluster, missing, until
from tests.kubernetes.rendering import CHART, Manifest

# One core and little memory each, so that two fit a small node beside everything else.
ON_EXECUTORS = (
    *("--set", "serving.autoscaling.kind=none", "--set", "flowRuns.spark.mode=kubernetes"),
    *("--set", "flowRuns.spark.executorCores=1", "--set", "flowRuns.spark.executorCpuRequest=200m"),
    *("--set", "flowRuns.spark.executorMemory=512m", "--set", "flowRuns.spark.executorMemoryOverhead=1g"),
)

reason = missing()
pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(reason is not None, reason=str(reason)),
    pytest.mark.timeout(2400),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A namespace of its own, which goes with the tests."""
    made = Cluster()
    made.kubectl("create", "namespace", made.namespace)
    made.kubectl("label", "namespace", made.namespace, "pod-security.kubernetes.io/enforce=restricted")
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false", check=False)


def test_a_missing_secret_is_refused_before_anything_is_made(cluster: Cluster) -> None:
    # when the secrets are to be there, and are not
    own = "secrets.generate=false,dashboard.passwords.existingSecret=fraud-dashboard"
    refused = cluster.helm(*("install", NAME, str(CHART), *cluster.values, "--set", own), check=False)
    # then
    assert refused.returncode != 0
    assert "the Secret fraud-prefect (key auth-string) is missing" in refused.stderr
    assert cluster.get("deployments")["items"] == []


def test_it_installs_and_the_servers_come_up(cluster: Cluster) -> None:
    cluster.upgrade("--set", "serving.autoscaling.kind=none")
    cluster.wait_for_servers()
    # serving lives and waits: there is no model yet
    pods = cluster.get("pods", "--selector", "app.kubernetes.io/component=serving")["items"]
    assert [one["status"]["phase"] for one in pods] == ["Running"]
    assert cluster.serving_pods() == []


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("no-bucket", {"FRAUD_LAKE__URL": "s3://absent/lake"}, "there is no bucket 'absent'"),
        ("no-topic", {"FRAUD_TOPICS__TRANSACTIONS": "absent"}, "Kafka lacks the topics absent"),
        ("no-kafka", {"FRAUD_KAFKA__BOOTSTRAP_SERVERS": "nobody:9092"}, "nobody:9092"),
        ("no-right", {"FRAUD_LAKE__S3_KEY": "somebody"}, "PermissionError"),
    ],
)
def test_what_is_missing_is_the_reason_of_the_pod(
    cluster: Cluster, name: str, settings: dict[str, str], sentence: str
) -> None:
    reason = cluster.refusal(name, **settings)
    assert sentence in reason
    assert len(reason.splitlines()) == 1


def test_flows_are_deployed_and_a_training_runs_as_a_job(cluster: Cluster) -> None:
    # given a history, and the flows
    cluster.produce("history", "--scenario", "small", "--cards", "1000", "--days", "84")
    cluster.prefect("deploy", "--name", "*/kubernetes")
    cluster.wait_for_job("history")
    # when
    cluster.run_flow("retrain/kubernetes", trials=2)
    # then the run was a Job of the cluster, as the account that has its rights, and serving has a model
    jobs = cluster.get("jobs", "--selector", "prefect.io/flow-name=retrain")["items"]
    assert [one["spec"]["template"]["spec"]["serviceAccountName"] for one in jobs] == ["fraud-pipeline"]
    cluster.kubectl("rollout", "status", "deployment/fraud-serving", "--timeout=300s")
    assert 'version="1"' in cluster.inside("models")[0]


def test_every_transaction_is_answered_once(cluster: Cluster) -> None:
    cluster.produce("live", "--rate", "50", "--duration", "30")
    cluster.wait_for_job("live")
    assert_nothing_lost_or_doubled(cluster)


@pytest.mark.parametrize("topic", ["transactions", "fraud_policies", "fraud_labels"])
def test_the_scoring_pod_may_write_no_payments_policies_or_labels(cluster: Cluster, topic: str) -> None:
    # when somebody who has taken the pod over sends such messages by its identity
    assert cluster.inside("write", topic) == "TOPIC_AUTHORIZATION_FAILED"


def test_without_the_right_to_make_executors_a_run_says_so(cluster: Cluster) -> None:
    # given Spark on Kubernetes, and a driver that may see pods and make none
    cluster.upgrade(*ON_EXECUTORS)
    cluster.wait_for_servers()
    role = cluster.get("role", "fraud-spark-driver")
    kept = {name: role["metadata"][name] for name in ("name", "labels", "annotations")}
    less = role | {"metadata": kept, "rules": [role["rules"][0] | {"verbs": ["get", "list", "watch"]}]}
    # In helm's name, else the next upgrade would find the field to be another's.
    cluster.kubectl("apply", "--server-side", "--field-manager=helm", "-f", "-", text=json.dumps(less))
    # when
    cluster.run_flow("retrain/kubernetes", trials=1, succeeds=False)
    # then
    log = cluster.log_of_flow("retrain")
    assert "check FRAUD_SPARK__* and that the run's account may create pods" in log
    assert 'cannot create resource "pods"' in log


def test_the_pipeline_runs_on_executors_that_are_pods(cluster: Cluster) -> None:
    # given the right
    cluster.upgrade(*ON_EXECUTORS)
    cluster.wait_for_servers()
    # when what has come since the first training is brought in
    with cluster.watching("spark-role=executor") as seen:
        cluster.run_flow("retrain/kubernetes", trials=1, promote="never")
    # then both executors ran, as the account that may read and write the lake, made rows, and went
    running = {(name.rpartition("-exec-")[2], account) for name, account, phase in seen if phase == "Running"}
    assert running == {("1", "fraud-preprocess"), ("2", "fraud-preprocess")}
    assert re.search(r"[1-9]\d* rows of [1-9]\d* of \d+ days made", cluster.log_of_flow("retrain"))
    until(lambda: executors(cluster) == [], 60, "the executors are gone")


def test_a_moved_alias_is_served_without_a_restart(cluster: Cluster) -> None:
    # given the second version, which was not promoted
    before = cluster.serving_pods()
    assert 'version="1"' in str(cluster.inside("models"))
    # when
    cluster.inside_dashboard("move", "2")
    # then
    until(lambda: 'version="2"' in str(cluster.inside("models")), 60, "the second version serves")
    assert cluster.serving_pods() == before


def test_a_killed_pod_loses_and_doubles_nothing(cluster: Cluster) -> None:
    cluster.produce("under-kill", "--rate", "100", "--duration", "60")
    until(lambda: cluster.inside("lag") >= 0, 60, "it scores")
    killed = cluster.serving_pods()
    cluster.kubectl("delete", "pod", *killed, "--grace-period=0", "--force")
    # `rollout status` may still count the pod that was killed.
    until(lambda: not {*cluster.serving_pods()} <= {*killed}, 300, "another pod is ready")
    cluster.wait_for_job("under-kill")
    assert_nothing_lost_or_doubled(cluster)


def test_an_upgrade_and_a_rollback_under_load_lose_nothing(cluster: Cluster) -> None:
    cluster.produce("under-upgrade", "--rate", "100", "--duration", "180")
    cluster.upgrade(
        *("--set", "serving.autoscaling.kind=none", "--set-json", "serving.featureSample=0.02", "--wait"),
        *("--timeout", "10m"),
    )
    cluster.helm("rollback", NAME, "--wait", "--timeout", "10m")
    cluster.wait_for_job("under-upgrade")
    assert_nothing_lost_or_doubled(cluster)


def test_lag_scales_to_three_and_back(cluster: Cluster) -> None:
    if not cluster.has("keda.sh/v1alpha1"):
        pytest.skip("the cluster has no KEDA")
    # given scaling on lag, quick to come back
    cluster.upgrade(
        *("--set", "serving.autoscaling.kind=keda", "--set", "serving.autoscaling.lagThreshold=50"),
        *("--set", "serving.autoscaling.cooldownSeconds=30", "--set", "serving.autoscaling.pollingSeconds=5"),
    )
    cluster.kubectl("wait", "scaledobject/fraud-serving", "--for=condition=Ready", "--timeout=120s")
    # when more comes than one pod has room for
    cluster.produce("burst", "--rate", "5000", "--duration", "90")
    # then
    until(lambda: replicas(cluster) == 3, 300, "three pods")
    cluster.wait_for_job("burst")
    until(lambda: replicas(cluster) == 1, 600, "one pod again")
    assert_nothing_lost_or_doubled(cluster)


def test_uninstalling_leaves_nothing(cluster: Cluster) -> None:
    cluster.helm("uninstall", NAME, "--wait", "--timeout", "10m")
    ours = "app.kubernetes.io/managed-by=Helm"
    kinds = "deployments,statefulsets,services,configmaps,secrets,serviceaccounts,roles,networkpolicies"
    assert cluster.get(kinds, "--selector", ours)["items"] == []
    until(lambda: cluster.get("persistentvolumeclaims")["items"] == [], 120, "the volumes are gone")


def assert_nothing_lost_or_doubled(cluster: Cluster) -> None:
    until(lambda: cluster.inside("lag") == 0, 300, "everything is scored")
    found = cluster.inside("compare")
    assert found["transactions"] > 0
    assert (found["lost"], found["doubled"]) == (0, 0), found


def executors(cluster: Cluster) -> list[Manifest]:
    found: list[Manifest] = cluster.get("pods", "--selector", "spark-role=executor")["items"]
    return found


def replicas(cluster: Cluster) -> int:
    return int(cluster.get("deployment", "fraud-serving")["spec"]["replicas"])
