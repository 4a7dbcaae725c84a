"""The chart as it is rendered: valid, locked down, complete, and refusing what makes no sense."""

import json
import re
from functools import reduce
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import prefect.settings
import pytest
import yaml

from deployments.orchestration.pools import kubernetes_template
from fraud.definitions.loading import parse_definitions
from fraud.settings import Settings, WebhookEndpoint, load_settings
from serving.webhooks.signing import new_secret
from tests.definitions import EXTENDED, EXTENDED_FILE
from tests.kubernetes.rendering import (
    CHART,
    LONG_RUNNING,
    ROOT,
    VARIANTS,
    WITH_PODS,
    Manifest,
    containers_of,
    environment_of,
    helm,
    named,
    of_kind,
    pod_of,
    pool_defaults,
    refusal,
    render,
    variant,
)

KUBERNETES = ("1.30", "1.35")
OWN_SCHEMAS = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
LISTENS_NOWHERE = {"producer"}

every_variant = pytest.mark.parametrize("name", VARIANTS)


@every_variant
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(name: str, version: str) -> None:
    for manifest in variant(name):
        if manifest["kind"] not in OWN_SCHEMAS:
            kubernetes_validate.validate(manifest, version, strict=True)


@every_variant
def test_every_pod_is_locked_down(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        pod = pod_of(manifest)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert not [volume for volume in pod.get("volumes", []) if "hostPath" in volume]
        for container in containers_of(manifest):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }


@every_variant
def test_every_container_says_what_it_needs(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        for container in containers_of(manifest):
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@every_variant
def test_what_runs_for_long_is_probed(name: str) -> None:
    for manifest in of_kind(variant(name), *LONG_RUNNING):
        for container in pod_of(manifest)["containers"]:
            if container["name"] not in LISTENS_NOWHERE:
                assert container.keys() >= {"startupProbe", "livenessProbe", "readinessProbe"}, container[
                    "name"
                ]


@every_variant
def test_a_busy_node_does_not_kill_what_lives(name: str) -> None:
    for manifest in of_kind(variant(name), *LONG_RUNNING):
        for container in pod_of(manifest)["containers"]:
            for kind, patience_s in (("startupProbe", 5), ("readinessProbe", 5), ("livenessProbe", 10)):
                if kind in container:
                    assert container[kind]["timeoutSeconds"] >= patience_s, (container["name"], kind)


@every_variant
def test_every_image_has_a_tag_that_stays(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        for container in containers_of(manifest):
            tag = container["image"].partition("@")[0].rpartition(":")[2]
            assert tag
            assert tag != "latest"
            assert "/" not in tag, "a port, and no tag"


def test_an_image_is_the_one_of_its_digest_whatever_its_tag_names() -> None:
    # given digests, as the workflow writes them
    digests = {
        name: f"sha256:{digit * 64}" for name, digit in (("flows", "a"), ("serving", "b"), ("producer", "c"))
    }
    values = [part for name, one in digests.items() for part in ("--set", f"image.digests.{name}={one}")]
    # when
    manifests = render(*VARIANTS["local"], *values)
    # then each of our containers, and each flow run, has its own
    images = {one["image"] for it in of_kind(tuple(manifests), *WITH_PODS) for one in containers_of(it)}
    ours = {one for one in images if one.startswith("fraud/")}
    assert {one.partition("@")[2] for one in ours} == set(digests.values())
    for image in ours:
        name = image.partition(":")[0].removeprefix("fraud/")
        assert image == f"fraud/{name}:abc123@{digests[name]}"
    template = kubernetes_template(pool_defaults(tuple(manifests)))
    assert template["variables"]["properties"]["image"]["default"].endswith(digests["flows"])


@every_variant
def test_network_policies_select_every_pod_and_refuse_by_default(name: str) -> None:
    manifests = variant(name)
    default = named(manifests, "NetworkPolicy", "fraud-default")["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    selector = default["podSelector"]["matchLabels"].items()
    for labels in (*pod_labels(manifests), job_labels()):
        assert selector <= labels.items()


@every_variant
def test_network_policies_name_components_that_there_are(name: str) -> None:
    manifests = variant(name)
    present = {one["app.kubernetes.io/component"] for one in pod_labels(manifests)} | {
        "flow-run",
        "spark-executor",
        "producer",
        "dashboard",
        "gateway",
        "webhooks",
        "bucket",
    }
    for policy in of_kind(manifests, "NetworkPolicy"):
        named_there = set(re.findall(r"'app.kubernetes.io/component': '([a-z-]+)'", str(policy["spec"])))
        for expression in re.findall(r"'operator': 'In', 'values': \[([^\]]*)\]", str(policy["spec"])):
            named_there |= set(re.findall(r"'([a-z0-9-]+)'", expression))
        assert named_there <= present, policy["metadata"]["name"]


@every_variant
def test_only_the_worker_has_a_token_and_it_may_little(name: str) -> None:
    manifests = variant(name)
    with_token = {
        one["metadata"]["name"]
        for one in of_kind(manifests, *WITH_PODS)
        if pod_of(one)["automountServiceAccountToken"]
    }
    assert with_token == {"fraud-prefect-worker"}
    assert not of_kind(manifests, "ClusterRole", "ClusterRoleBinding")
    rules = [rule for role in of_kind(manifests, "Role") for rule in role["rules"]]
    for rule in rules:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert not {"secrets", "pods/exec"} & set(rule["resources"])


@every_variant
def test_every_pod_runs_as_an_account_that_there_is(name: str) -> None:
    manifests = variant(name)
    accounts = {one["metadata"]["name"] for one in of_kind(manifests, "ServiceAccount")}
    assert {pod_of(one)["serviceAccountName"] for one in of_kind(manifests, *WITH_PODS)} <= accounts


@every_variant
def test_every_setting_is_one_that_the_program_knows(name: str) -> None:
    # given the settings of all programs of the chart
    found = set(environment_of(variant(name), "fraud-settings"))
    found |= set(environment_of(variant(name), "fraud-kafka"))
    for manifest in of_kind(variant(name), *WITH_PODS):
        for container in containers_of(manifest):
            found |= {one["name"] for one in container.get("env", [])}
    found |= {one["name"] for one in pool_defaults(variant(name))["extra_env"]}
    # then each of them names a field
    for variable in found:
        if variable.startswith("FRAUD_WEBHOOKS__ENDPOINTS__"):
            # Below a name of the user's own.
            assert variable.rpartition("__")[2].lower() in WebhookEndpoint.model_fields, variable
        elif variable.startswith("FRAUD_") and not variable.startswith("FRAUD_CONTAINER_"):
            *sections, field = variable.removeprefix("FRAUD_").lower().split("__")
            assert field in type(reduce(getattr, sections, Settings())).model_fields, variable
        elif variable.startswith("PREFECT_") and not variable.startswith("PREFECT_INTEGRATIONS_"):
            assert hasattr(prefect.settings, variable), variable


@every_variant
def test_no_secret_stands_in_a_pod(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        for container in containers_of(manifest):
            for one in container.get("env", []):
                if one["name"].endswith("_FILE"):
                    assert one["value"].startswith("/etc/fraud/"), one["name"]
                elif re.search(
                    r"PASSWORD(?!_LOGIN$)|SECRET(?!_NAME|_KEY$)|AUTH_STRING$|DATABASE_URI|S3_KEY$",
                    one["name"],
                ):
                    assert "secretKeyRef" in one["valueFrom"], one["name"]


@every_variant
def test_the_job_template_has_the_values_of_the_chart(name: str) -> None:
    template = kubernetes_template(pool_defaults(variant(name)))
    assert template["variables"]["properties"]["image"]["default"].endswith("/flows:abc123")


@every_variant
def test_serving_ends_its_drain_before_it_is_killed(name: str) -> None:
    pod = pod_of(named(variant(name), "Deployment", "fraud-serving"))
    drain = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}[
        "FRAUD_SERVING__DRAIN_TIMEOUT_S"
    ]
    assert pod["terminationGracePeriodSeconds"] >= int(str(drain)) + 10


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("--api-versions", "keda.sh/v1alpha1"), "ScaledObject"),
        ((), "HorizontalPodAutoscaler"),
        (("--set", "serving.autoscaling.kind=keda"), "ScaledObject"),
        (
            ("--set", "serving.autoscaling.kind=cpu", "--api-versions", "keda.sh/v1alpha1"),
            "HorizontalPodAutoscaler",
        ),
    ],
)
def test_lag_scales_where_keda_is_and_cpu_elsewhere(arguments: tuple[str, ...], kind: str) -> None:
    manifests = tuple(render("-f", "values-local.yaml", *arguments))
    (scaler,) = of_kind(manifests, "ScaledObject", "HorizontalPodAutoscaler")
    assert scaler["kind"] == kind
    # and the number of replicas is left to it
    assert "replicas" not in named(manifests, "Deployment", "fraud-serving")["spec"]


@pytest.mark.parametrize(
    "change",
    [
        "image.pullPolicy=Always",
        "scheduling.system.nodeSelector.a=b",
        "kafka.partitions=8",
        "flowRuns.ttlSeconds=90",
    ],
)
def test_a_job_that_changes_has_another_name(change: str) -> None:
    # given the Jobs before and after a change; Kubernetes lets no Job be changed
    before = {one["metadata"]["name"]: one["spec"] for one in of_kind(variant("local"), "Job")}
    changed = tuple(render(*VARIANTS["local"], "--set", change))
    after = {one["metadata"]["name"]: one["spec"] for one in of_kind(changed, "Job")}
    # then what has the same name is the same, and at least one is new
    assert all(after[name] == spec for name, spec in before.items() if name in after)
    assert after.keys() - before.keys()


def test_starting_up_on_a_small_machine_is_no_reason_to_scale() -> None:
    # given what a pod takes that compiles its kernel: about one CPU
    asked = pod_of(named(variant("local"), "Deployment", "fraud-serving"))["containers"][0]["resources"]
    scaler = named(variant("local"), "HorizontalPodAutoscaler", "fraud-serving")["spec"]["metrics"][0]
    share = scaler["resource"]["target"]["averageUtilization"] / 100
    assert int(asked["requests"]["cpu"].removesuffix("m")) * share >= 800


def test_lag_is_that_of_the_group_that_serves() -> None:
    (kafka, _) = named(variant("eks"), "ScaledObject", "fraud-serving")["spec"]["triggers"]
    assert kafka["metadata"]["consumerGroup"] == Settings().serving.group_id
    # and it logs in as its own identity
    login = named(variant("eks"), "TriggerAuthentication", "fraud-kafka")["spec"]
    assert {one["name"] for one in login["secretTargetRef"]} == {"fraud-keda-kafka"}
    assert environment_of(variant("eks"), "fraud-keda-kafka") == {"sasl": "plaintext", "tls": "enable"}


def test_spark_on_kubernetes_brings_its_rights_and_its_settings() -> None:
    manifests = variant("eks")
    defaults = pool_defaults(manifests)
    environment = {one["name"]: one for one in defaults["extra_env"]}
    conf = json.loads(str(environment["FRAUD_SPARK__CONF"]["value"]))
    assert defaults["automount_token"] is True
    assert conf["spark.kubernetes.namespace"] == "fraud"
    # what the conf refers to comes before it, because Kubernetes resolves backwards only
    names = list(environment)
    for referred in re.findall(r"\$\((\w+)\)", str(conf)):
        assert names.index(referred) < names.index("FRAUD_SPARK__CONF")
    # and a process that opens a session may start executors
    subjects = {one["name"] for one in named(manifests, "RoleBinding", "fraud-spark-driver")["subjects"]}
    assert subjects == {"fraud-preprocess", "fraud-trainer", "fraud-pipeline"}


def test_executors_run_the_image_of_the_run() -> None:
    environment = {one["name"]: one for one in pool_defaults(variant("eks"))["extra_env"]}
    field = environment["POD_IMAGE"]["valueFrom"]["fieldRef"]["fieldPath"]
    job = kubernetes_template({})["job_configuration"]["job_manifest"]
    (annotation,) = job["spec"]["template"]["metadata"]["annotations"].items()
    assert (field, annotation[1]) == (f"metadata.annotations['{annotation[0]}']", "{{ image }}")


def test_the_template_of_executors_lies_where_spark_looks_for_it() -> None:
    environment = {one["name"]: one for one in pool_defaults(variant("eks"))["extra_env"]}
    given = json.loads(environment["FRAUD_SPARK__CONF"]["value"])["spark.kubernetes.executor.podTemplateFile"]
    pod = kubernetes_template({})["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    folder, _, key = given.rpartition("/")
    (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == folder]
    (volume,) = [one for one in pod["volumes"] if one["name"] == mount["name"]]
    assert key in environment_of(variant("eks"), volume["configMap"]["name"])
    # without Spark's executors there is no such ConfigMap
    assert volume["configMap"]["optional"] is True


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_executors_are_locked_down_like_every_pod(values: tuple[str, ...]) -> None:
    manifests = tuple(render(*values, "--set", "flowRuns.spark.mode=kubernetes"))
    executor = yaml.safe_load(environment_of(manifests, "fraud-spark")["executor.yaml"])
    for version in KUBERNETES:
        kubernetes_validate.validate(executor, version, strict=True)
    # then it is as the chart's own pods are
    pod, (container,) = executor["spec"], executor["spec"]["containers"]
    another = pod_of(named(manifests, "Deployment", "fraud-mlflow"))
    for field in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert pod[field] == another[field]
    assert container["securityContext"] == another["containers"][0]["securityContext"]
    # and it runs where flows run, and is let through to the lake
    job = pool_defaults(manifests)
    assert (pod.get("nodeSelector", {}), pod.get("tolerations", [])) == (
        job["node_selector"],
        job["tolerations"],
    )
    assert executor["metadata"]["labels"] == job_labels() | {"app.kubernetes.io/component": "spark-executor"}
    secrets = {one["name"] for one in container.get("env", [])}
    assert secrets == {one["name"] for one in job["extra_env"] if re.search("S3|AWS", one["name"])}


def test_the_topics_of_the_chart_are_those_of_the_settings() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["kafka"]["topics"] == Settings().topics.model_dump()


def test_the_published_kafka_is_the_one_that_the_embedded_stack_runs() -> None:
    lock = (ROOT / "deployments" / "local" / "jars.lock").read_text()
    version = re.findall(r"kafka_2\.13-([0-9.]+)\.jar", lock)[0]
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    compose = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())
    assert values["kafka"]["image"].endswith(f":{version}")
    for service, of_chart in (("kafka", "kafka"), ("postgres", "postgres"), ("s3", "s3")):
        assert compose["services"][service]["image"] == values[of_chart]["image"]
    gateway = values["monitoring"]["pushgateway"]
    assert compose["services"]["pushgateway"]["image"] == gateway["image"]


def test_terraform_outputs_what_the_chart_needs() -> None:
    # given the keys of what Terraform gives
    text = (ROOT / "infra" / "terraform" / "helm-values.tf").read_text().split("helm_values = {")[1]
    given = set(re.findall(r"^    (\w+)\s*=", text, re.MULTILINE))
    sample = yaml.safe_load((ROOT / "tests" / "kubernetes" / "values-terraform.yaml").read_text())
    # then the sample of the tests has the same ones, and the chart's schema has let them in
    assert given == sample.keys()
    assert variant("eks")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("image.tag=", "image.tag is not set"),
        ("image.tag=latest", "must not be latest"),
        ("image.digests.flows=sha256:abc", "does not match pattern"),
        ("image.tags=x", "additional properties 'tags' not allowed"),
        ("kafka.internal=false", "kafka.bootstrapServers is not set"),
        ("kafka.bootstrapServers=broker", "does not match pattern"),
        ("kafka.image=apache/kafka:latest", "'not' failed"),
        ("kafka.image=apache/kafka", "does not match pattern"),
        ("kafka.retentionDays=10", "at least 33"),
        ("lake.url=/data/lake", "does not match pattern"),
        ("postgres.internal=false", "no Postgres"),
        ("serving.delivery=twice", "must be one of"),
        ("serving.gracePeriodSeconds=25", "must exceed serving.drainSeconds"),
        ("serving.autoscaling.maxReplicas=9", "a pod without a partition scores nothing"),
        ("serving.resources.limits.memory=lots", "does not match pattern"),
        ("ingress.enabled=true", "needs ingress.hosts"),
        ("gateway.enabled=true", "needs gateway.existingSecret"),
        ("gateway.fallback=perhaps", "must be one of"),
        ("dashboard.replicas=2", "needs dashboard.database.existingSecret"),
        ("dashboard.replicas=0", "minimum: got 0, want 1"),
        ("webhooks.enabled=true", "needs webhooks.endpoints"),
        (
            "webhooks.enabled=true,webhooks.endpoints.a.url=https://a.example.com",
            "needs webhooks.existingSecret",
        ),
        ("webhooks.endpoints.a.url=http://a.example.com", "does not match pattern"),
        ("webhooks.endpoints.Orders.url=https://a.example.com", "does not match pattern"),
        ("ingress.enabled=true,ingress.hosts.gateway=a.example.com", "needs gateway.enabled"),
        ("flowRuns.env.PATH=x", "does not match pattern"),
        ("flowRuns.spark.executorMemory=1Gi", "does not match pattern"),
        ("flowRuns.spark.executorCpuRequest=much", "does not match pattern"),
    ],
)
def test_a_wrong_value_is_refused(values: str, sentence: str) -> None:
    assert sentence in refusal("--set", values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("kafka.saslMechanism=OAUTHBEARER", "needs kafka.oauth.tokenUrl"),
        ("kafka.saslMechanism=", "needs kafka.saslMechanism"),
        (
            "kafka.saslMechanism=AWS_MSK_IAM,kafka.securityProtocol=SSL",
            "needs kafka.securityProtocol SASL_SSL",
        ),
        ("kafka.securityProtocol=SASL_PLAINTEXT", "carries card data in the clear"),
        ("kafka.existingSecret=fraud-kafka", "make a Secret SERVICE-ACCOUNT-kafka for each"),
        ("networkPolicies.egress.kafka=null", "networkPolicies.egress.kafka is empty"),
        ("s3.internal=false,networkPolicies.egress.s3=null", "networkPolicies.egress.s3 is empty"),
        ("networkPolicies.egress.postgres=null", "networkPolicies.egress.postgres is empty"),
        ("networkPolicies.egress.oidc=null", "networkPolicies.egress.oidc is empty"),
        ("ingress.loadBalancerCidrs=null", "needs ingress.controllerNamespace, or ingress.loadBalancerCidrs"),
    ],
)
def test_a_kafka_that_could_not_be_reached_is_refused(values: str, sentence: str) -> None:
    assert sentence in refusal(*VARIANTS["eks"], "--set", values)


def test_the_chart_lints() -> None:
    done = helm("lint", ".", "-f", "values-local.yaml", "--set", "image.tag=abc123", "--strict")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "endpoint", "outcomes"),
    [("local", "orders", ("decline",)), ("eks", "to-chat", ("challenge", "review", "decline"))],
)
def test_webhooks_get_their_addresses_and_what_signs_from_the_secret(
    name: str, endpoint: str, outcomes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the environment of the pod, with a secret for each reference that has to be there
    (container,) = pod_of(named(variant(name), "Deployment", "fraud-webhooks"))["containers"]
    for one in container["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef", {})
        if one["name"].startswith("FRAUD_WEBHOOKS__") and not reference.get("optional"):
            monkeypatch.setenv(one["name"], one.get("value") or new_secret())
            assert reference.get("key", endpoint) == endpoint
    # then the program has the endpoint
    made = load_settings().webhooks
    assert (set(made.endpoints), made.endpoints[endpoint].outcomes) == ({endpoint}, outcomes)
    # and its pod may connect to it
    outside = named(variant(name), "NetworkPolicy", "fraud-webhooks-outside")["spec"]["egress"]
    port = urlsplit(made.endpoints[endpoint].url).port or 443
    assert port in {allowed["port"] for rule in outside for allowed in rule["ports"]}


def test_rules_and_boards_come_as_they_are_written() -> None:
    runbook = "https://wiki.example.com/fraud"
    manifests = tuple(render(*VARIANTS["eks"], "--set", f"monitoring.runbook={runbook}"))
    for path in (CHART / "files" / "rules").glob("*.yaml"):
        text = path.read_text().replace("docs/operations.md#", f"{runbook}#")
        assert named(manifests, "PrometheusRule", f"fraud-{path.stem}")["spec"] == yaml.safe_load(text)
    for path in (CHART / "files" / "boards").glob("*.json"):
        board = named(manifests, "ConfigMap", f"fraud-board-{path.stem}")
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert board["data"] == {f"fraud-{path.name}": path.read_text()}


def test_what_the_monitor_pushes_arrives_where_the_settings_say() -> None:
    manifests = tuple(render(*VARIANTS["eks"]))
    address = environment_of(manifests, "fraud-settings")["FRAUD_MONITORING__PUSHGATEWAY_URL"]
    service = named(manifests, "Service", "fraud-pushgateway")
    assert address == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"


def test_spans_may_leave_for_the_collector_and_go_nowhere_by_default() -> None:
    silent = tuple(render(*VARIANTS["eks"]))
    assert "FRAUD_TRACING__ENDPOINT" not in environment_of(silent, "fraud-settings")
    given = tuple(render(*VARIANTS["eks"], "--set", "tracing.endpoint=http://collector.monitoring:4318"))
    assert environment_of(given, "fraud-settings")["FRAUD_TRACING__ENDPOINT"].endswith(":4318")
    (rule,) = named(given, "NetworkPolicy", "fraud-tracing")["spec"]["egress"]
    assert rule == {"to": [{"namespaceSelector": {}}], "ports": [{"port": 4318}]}


def pod_labels(manifests: tuple[Manifest, ...]) -> list[dict[str, str]]:
    return [one["spec"]["template"]["metadata"]["labels"] for one in of_kind(manifests, *WITH_PODS)]


def job_labels() -> dict[str, Any]:
    """Of the pods of flow runs, with the release's name filled in."""
    job = kubernetes_template({})["job_configuration"]["job_manifest"]
    labels: dict[str, str] = job["spec"]["template"]["metadata"]["labels"]
    return {key: "fraud" if value == "{{ release }}" else value for key, value in labels.items()}


# --------------------------------------------------------------------------- definitions


def with_definitions(path: Path, *more: str) -> tuple[Manifest, ...]:
    values = (*VARIANTS["eks"], "--set", "producer.enabled=true", "--set-file", f"definitions={path}", *more)
    return tuple(render(*values))


def projected_maps(volume: Manifest) -> dict[str, bool]:
    """The ConfigMaps that a volume has, and whether each may be absent."""
    maps = [one["configMap"] for one in volume["projected"]["sources"]]
    return {one["name"]: one.get("optional", False) for one in maps}


def test_rates_are_beside_the_definitions(tmp_path: Path) -> None:
    # given
    rates = tmp_path / "rates.csv"
    rates.write_text("date,currency,rate\n2025-03-14,USD,1.0883\n")
    # then
    manifests = with_definitions(EXTENDED_FILE, "--set-file", f"rates={rates}")
    assert named(manifests, "ConfigMap", "fraud-rates")["data"] == {"rates.csv": rates.read_text()}
    # and without a file something else may make them
    assert "name: fraud-rates, optional: true" not in yaml.safe_dump_all(variant("eks"))


def test_several_dashboards_share_the_database_of_a_secret() -> None:
    # given
    shared = "dashboard.replicas=2,dashboard.database.existingSecret=history"
    # when
    manifests = tuple(render(*VARIANTS["eks"], "--set", shared))
    # then both know the database, and one of them may always be away
    dashboard = named(manifests, "StatefulSet", "fraud-dashboard")
    found = {one["name"]: one for one in containers_of(dashboard)[-1]["env"]}
    secret = found["FRAUD_DASHBOARD__DATABASE_URL"]["valueFrom"]["secretKeyRef"]
    assert (dashboard["spec"]["replicas"], secret) == (2, {"name": "history", "key": "uri"})
    assert named(manifests, "PodDisruptionBudget", "fraud-dashboard")["spec"]["maxUnavailable"] == 1
    # and one alone has its files
    assert "FRAUD_DASHBOARD__DATABASE_URL" not in yaml.safe_dump_all(variant("eks"))


def test_the_schema_registry_and_its_secret_reach_the_programs() -> None:
    # given
    registry = "schemaRegistry.url=https://registry.example.com,schemaRegistry.existingSecret=registry"
    # when
    where = "networkPolicies.egress.schemaRegistry={203.0.113.0/24}"
    manifests = tuple(render(*VARIANTS["eks"], "--set", registry, "--set", where))
    # then
    settings = environment_of(manifests, "fraud-settings")
    assert settings["FRAUD_KAFKA__PAYLOAD_FORMAT"] == "schema_registry"
    assert settings["FRAUD_SCHEMA_REGISTRY__URL"] == "https://registry.example.com"
    serving = next(one for one in of_kind(manifests, "Deployment") if "serving" in one["metadata"]["name"])
    found = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in containers_of(serving)[-1]["env"]
        if "REGISTRY__" in one["name"] and "valueFrom" in one
    }
    assert found == {
        "FRAUD_SCHEMA_REGISTRY__USERNAME": {"name": "registry", "key": "username"},
        "FRAUD_SCHEMA_REGISTRY__PASSWORD": {"name": "registry", "key": "password"},
    }


def test_keys_of_pseudonyms_reach_those_alone_who_need_them() -> None:
    # given
    cards = (
        "cards.existingSecret=cards,cards.admission=replace,gateway.enabled=true,gateway.existingSecret=keys"
    )
    # when
    manifests = tuple(render(*VARIANTS["eks"], "--set", f"{cards},producer.enabled=true"))
    # then
    assert environment_of(manifests, "fraud-settings")["FRAUD_CARDS__ADMISSION"] == "replace"
    given = {
        manifest["metadata"]["name"]
        for manifest in of_kind(manifests, *WITH_PODS)
        for container in containers_of(manifest)
        for one in container.get("env", ())
        if one["name"] == "FRAUD_CARDS__KEY"
    }
    assert given == {"fraud-serving", "fraud-gateway", "fraud-dashboard"}


def test_definitions_reach_every_container_that_has_the_settings() -> None:
    # given a file of one's own
    manifests = with_definitions(EXTENDED_FILE)
    # when we look for the file that the settings name
    path = PurePath(environment_of(manifests, "fraud-settings")["FRAUD_DEFINITIONS"])
    files = named(manifests, "ConfigMap", "fraud-definitions")["data"]
    # then it is the user's, and mounted wherever the settings are
    assert parse_definitions(files[path.name]).tag == EXTENDED.tag
    users = [
        (manifest, container)
        for manifest in of_kind(manifests, *WITH_PODS)
        for container in containers_of(manifest)
        if "envFrom" in container
    ]
    executor = yaml.safe_load(environment_of(manifests, "fraud-spark")["executor.yaml"])
    mounts = [(container["volumeMounts"], pod_of(manifest)["volumes"]) for manifest, container in users] + [
        (executor["spec"]["containers"][0]["volumeMounts"], executor["spec"]["volumes"])
    ]
    assert len(mounts) > 6
    for mounted, volumes in mounts:
        assert {"name": "definitions", "mountPath": str(path.parent), "readOnly": True} in mounted
        (volume,) = (one for one in volumes if one["name"] == "definitions")
        source, rates = projected_maps(volume).items()
        assert path.name in named(manifests, "ConfigMap", source[0])["data"]
        assert (source[1], rates) == (False, ("fraud-rates", True))


def test_a_serving_pod_finds_its_definitions_after_an_upgrade_to_others() -> None:
    # given a pod of a release with definitions of one's own
    manifests = with_definitions(EXTENDED_FILE)
    serving = named(manifests, "Deployment", "fraud-serving")
    (volume,) = (one for one in pod_of(serving)["volumes"] if one["name"] == "definitions")
    # then its file is in a ConfigMap that an upgrade neither changes nor deletes
    kept = named(manifests, "ConfigMap", next(iter(projected_maps(volume))))
    assert kept["immutable"]
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    # and the pod names the file itself, as the common settings will name another
    (container,) = pod_of(serving)["containers"]
    pinned = {one["name"]: one.get("value") for one in container["env"]}["FRAUD_DEFINITIONS"]
    assert PurePath(pinned).name in kept["data"]


def test_flow_runs_have_the_definitions_if_there_are_any() -> None:
    template = kubernetes_template({})["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]

    (mount,) = (one for one in template["containers"][0]["volumeMounts"] if one["name"] == "definitions")
    (volume,) = (one for one in template["volumes"] if one["name"] == "definitions")
    assert mount["mountPath"] == "/etc/fraud/definitions"
    assert projected_maps(volume) == {"fraud-definitions": True, "fraud-rates": True}


def test_pods_restart_when_the_definitions_change(tmp_path: Path) -> None:
    changed = tmp_path / "definitions.yaml"
    changed.write_text(EXTENDED_FILE.read_text() + "# another word\n")

    paths = {
        environment_of(with_definitions(path), "fraud-settings")["FRAUD_DEFINITIONS"]
        for path in (EXTENDED_FILE, changed)
    }

    assert len(paths) == 2


@every_variant
def test_without_definitions_the_shipped_ones_are_used(name: str) -> None:
    manifests = variant(name)

    assert "FRAUD_DEFINITIONS" not in environment_of(manifests, "fraud-settings")
    assert "fraud-definitions" not in yaml.safe_dump_all(manifests)
