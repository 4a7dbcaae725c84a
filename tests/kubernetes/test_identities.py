"""One identity for each workload: at Kafka, on the network, and in what Prefect's worker may start."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deployments.cli.stack.secrets import KAFKA_USERS
from deployments.orchestration.pools import kubernetes_template
from fraud.kafka.permissions import IDENTITIES
from fraud.settings import KafkaSettings, load_settings
from tests.kubernetes.rendering import (
    VARIANTS,
    WITH_PODS,
    Manifest,
    containers_of,
    environment_of,
    named,
    of_kind,
    pod_of,
    pool_defaults,
    render,
    variant,
)
from tests.test_prefect_yaml import deployments_of

every_variant = pytest.mark.parametrize("name", VARIANTS)
KAFKA_CLIENTS = {"serving", "dashboard", "gateway", "webhooks", "producer", "topics", "acl"}
ANYWHERE = "0.0.0.0/0"


def component_of(manifest: Manifest) -> str:
    """What the pods of a manifest are."""
    labels: dict[str, str] = manifest["spec"]["template"]["metadata"]["labels"]
    return labels["app.kubernetes.io/component"]


def kafka_secrets(pod: Manifest) -> list[str]:
    """The Secrets that a pod's projected volumes hold."""
    return [
        source["secret"]["name"]
        for volume in pod.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        if "secret" in source
    ]


@every_variant
def test_each_pod_has_the_secret_of_its_own_identity_and_no_other(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        pod, is_client = pod_of(manifest), component_of(manifest) in KAFKA_CLIENTS
        own = [f"{pod['serviceAccountName']}-kafka"] if is_client else []
        assert kafka_secrets(pod) == own, manifest["metadata"]["name"]
        # Not by its environment either; the broker alone knows all passwords.
        text = json.dumps(pod)
        assert set(re.findall(r"fraud-[a-z]+-kafka\b", text)) <= set(own)
        assert ("fraud-kafka-server" in text) == (component_of(manifest) == "kafka")


@every_variant
def test_no_two_workloads_share_an_account(name: str) -> None:
    accounts: dict[str, set[str]] = {}
    for manifest in of_kind(variant(name), *WITH_PODS):
        if component_of(manifest) in KAFKA_CLIENTS:
            accounts.setdefault(pod_of(manifest)["serviceAccountName"], set()).add(component_of(manifest))
    assert [components for components in accounts.values() if len(components) > 1] == []


@every_variant
def test_only_clients_of_kafka_have_its_settings(name: str) -> None:
    for manifest in of_kind(variant(name), *WITH_PODS):
        sources = [
            source["configMapRef"]["name"]
            for container in containers_of(manifest)
            for source in container.get("envFrom", [])
        ]
        assert ("fraud-kafka" in sources) == (component_of(manifest) in KAFKA_CLIENTS)


def test_the_cluster_s_own_broker_knows_every_identity_of_the_table() -> None:
    # given the passwords of the broker, and those of the identities
    manifests = variant("local")
    jaas = named(manifests, "Secret", "fraud-kafka-server")["stringData"]["jaas"]
    known = dict(re.findall(r'user_fraud-([a-z]+)="(\w+)"', jaas))
    # then all of them log in, each by its own
    assert known.keys() == {*IDENTITIES, "admin"} - {"flows"}
    assert len(set(known.values())) == len(known)
    for identity, password in known.items():
        data = named(manifests, "Secret", f"fraud-{identity}-kafka")["stringData"]
        assert data == {"username": f"fraud-{identity}", "password": password}
    # and each is granted the permissions of the table
    (job,) = [one for one in of_kind(manifests, "Job") if component_of(one) == "acl"]
    assert set(containers_of(job)[0]["args"][2:]) == known.keys() - {"admin"}


def test_each_flow_runs_as_its_own_identity() -> None:
    accounts = {
        one["work_pool"]["job_variables"]["service_account_name"] for one in deployments_of("kubernetes")
    }
    assert {account.removeprefix("fraud-") for account in accounts} <= IDENTITIES.keys()
    # and its pod mounts the Secret of that account
    pod = kubernetes_template(pool_defaults(variant("local")))["job_configuration"]["job_manifest"]["spec"]
    assert kafka_secrets(pod["template"]["spec"]) == ["{{ service_account_name }}-kafka"]


def test_only_runs_that_promote_have_the_signing_key() -> None:
    default = kubernetes_template({})["variables"]["properties"]["signing_keys"]["default"]
    having = {
        one["entrypoint"].partition(":")[2]
        for one in deployments_of("kubernetes")
        if "private" in str(one["work_pool"]["job_variables"].get("signing_keys", default))
    }
    assert having == {"train", "retrain"}


def test_the_compose_file_knows_the_identities_that_it_runs() -> None:
    on_kubernetes_only = {"ingest", "preprocess", "trainer", "pipeline", "monitor", "keda"}
    assert set(KAFKA_USERS) == {*IDENTITIES, "admin"} - on_kubernetes_only


def kafka_settings(folder: Path, *values: str) -> KafkaSettings:
    """The settings of a pod whose mounted folder is `folder`."""
    manifests = tuple(render(*VARIANTS["eks"], *values))
    found = environment_of(manifests, "fraud-kafka")
    given = {name.removeprefix("FRAUD_KAFKA__").lower(): value for name, value in found.items()}
    moved = {name: value.replace("/etc/fraud/kafka", str(folder)) for name, value in given.items()}
    return load_settings(kafka=moved).kafka


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), {"sasl_mechanism": "PLAIN", "security_protocol": "SASL_SSL", "sasl_username": "name"}),
        (
            ("--set", "kafka.saslMechanism=OAUTHBEARER,kafka.oauth.tokenUrl=https://login.example.com/token"),
            {"oauth_token_url": "https://login.example.com/token", "sasl_username": "name"},
        ),
        (
            ("--set", "kafka.saslMechanism=AWS_MSK_IAM"),
            {"aws_region": "us-east-1", "credentials_dir": None, "sasl_username": None},
        ),
    ],
    ids=["password", "token", "role"],
)
def test_each_mechanism_reaches_the_programs(
    tmp_path: Path, values: tuple[str, ...], expected: dict[str, Any]
) -> None:
    (tmp_path / "username").write_text("name")
    (tmp_path / "password").write_text("secret")
    kafka = kafka_settings(tmp_path, *values)
    assert {name: getattr(kafka, name) for name in expected} == expected


def test_certificates_instead_of_passwords(tmp_path: Path) -> None:
    (tmp_path / "key-password").write_text("sesame")
    ours = "kafka.securityProtocol=SSL,kafka.clientCertificates=true,kafka.caConfigMap=company-ca"
    kafka = kafka_settings(tmp_path, "--set", f"{ours},kafka.saslMechanism=")
    assert kafka.ssl_certificate_location == tmp_path / "tls.crt"
    assert kafka.ssl_key_location == tmp_path / "tls.key"
    assert kafka.ssl_ca_location == tmp_path / "ca.crt"
    assert kafka.ssl_key_password is not None
    assert kafka.ssl_key_password.get_secret_value() == "sesame"


def test_a_role_needs_no_secret() -> None:
    manifests = tuple(render(*VARIANTS["eks"], "--set", "kafka.saslMechanism=AWS_MSK_IAM"))
    assert [
        one for manifest in of_kind(manifests, *WITH_PODS) for one in kafka_secrets(pod_of(manifest))
    ] == []


# ---- the network


def egress(manifests: tuple[Manifest, ...]) -> list[tuple[str, list[str]]]:
    """Each policy's name with the address ranges that it opens; a rule without a destination opens all."""
    opened = []
    for policy in of_kind(manifests, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            ranges = [one["ipBlock"]["cidr"] for one in rule.get("to", []) if "ipBlock" in one]
            opened.append((policy["metadata"]["name"], ranges if "to" in rule else [ANYWHERE]))
    return opened


@every_variant
def test_no_pod_but_those_of_webhooks_reaches_the_internet(name: str) -> None:
    wide = {policy for policy, ranges in egress(variant(name)) if ANYWHERE in ranges}
    assert wide == {"fraud-webhooks-outside"}


def test_a_pod_reaches_what_it_uses() -> None:
    manifests = variant("eks")
    reached = {
        policy["metadata"]["name"].removeprefix("fraud-to-"): set(
            policy["spec"]["podSelector"]["matchExpressions"][0]["values"]
        )
        for policy in of_kind(manifests, "NetworkPolicy")
        if policy["metadata"]["name"].startswith("fraud-to-")
    }
    assert reached.keys() == {"kafka", "s3", "postgres", "kubernetes-api", "oidc", "pod-identity"}
    assert reached["kubernetes-api"] == {"prefect-worker", "flow-run"}  # Spark's driver makes executors
    assert reached["kafka"] == {*KAFKA_CLIENTS - {"acl"}, "flow-run"}
    assert not {"gateway", "webhooks", "producer", "prefect-worker"} & (reached["s3"] | reached["postgres"])
    kafka = named(manifests, "NetworkPolicy", "fraud-to-kafka")["spec"]["egress"]
    assert kafka == [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [{"port": 9092}]}]


def test_only_the_load_balancer_s_subnets_reach_the_pages() -> None:
    policy = named(variant("eks"), "NetworkPolicy", "fraud-ingress-dashboard")["spec"]
    sources = [one["ipBlock"]["cidr"] for one in policy["ingress"][0]["from"]]
    assert sources == ["10.40.0.0/19", "10.40.32.0/19", "10.40.64.0/19"]


def test_the_database_s_certificate_is_verified_whatever_the_uri_says() -> None:
    for kind, owner in (("Deployment", "fraud-mlflow"), ("Deployment", "fraud-prefect-server")):
        for container in containers_of(named(variant("eks"), kind, owner)):
            environment = {one["name"]: one.get("value") for one in container["env"]}
            assert environment["FRAUD_CONTAINER_DATABASE_CA"] == "/etc/fraud/postgres/ca.crt"
            assert "/etc/fraud/postgres" in [one["mountPath"] for one in container["volumeMounts"]]


# ---- what Prefect's worker may start


def test_the_worker_may_read_no_secret() -> None:
    rules = named(variant("local"), "Role", "fraud-prefect-worker")["rules"]
    assert "secrets" not in {resource for rule in rules for resource in rule["resources"]}


@every_variant
def test_policies_of_the_cluster_limit_who_may_make_pods(name: str) -> None:
    manifests = tuple(render(*VARIANTS[name], "--set", "admission.create=true"))
    makers = {
        subject["name"]
        for role in of_kind(manifests, "Role")
        for binding in of_kind(manifests, "RoleBinding")
        if binding["roleRef"]["name"] == role["metadata"]["name"]
        and any("create" in rule["verbs"] for rule in role["rules"])
        for subject in binding["subjects"]
    }
    limited = {
        user.rpartition(":")[2]
        for policy in of_kind(manifests, "ValidatingAdmissionPolicy")
        for user in json.loads(policy["spec"]["matchConditions"][0]["expression"].partition(" in ")[2])
    }
    assert limited == makers
    bound = {one["spec"]["policyName"] for one in of_kind(manifests, "ValidatingAdmissionPolicyBinding")}
    assert bound == {one["metadata"]["name"] for one in of_kind(manifests, "ValidatingAdmissionPolicy")}


def environment_secrets(manifests: tuple[Manifest, ...]) -> set[str]:
    """NAME/KEY of what the job template takes from Secrets."""
    references = [
        one.get("valueFrom", {}).get("secretKeyRef") for one in pool_defaults(manifests)["extra_env"]
    ]
    return {f"{one['name']}/{one['key']}" for one in references if one}


def test_the_worker_s_policy_knows_each_key_that_a_run_takes_and_no_other() -> None:
    # given everything that gives runs a secret
    values = ("--set", "cards.existingSecret=cards,schemaRegistry.url=https://registry.example.com")
    more = (
        "--set",
        "schemaRegistry.existingSecret=registry,networkPolicies.egress.schemaRegistry={10.0.0.0/8}",
    )
    manifests = tuple(render(*VARIANTS["local"], *values, *more))
    policy = named(manifests, "ValidatingAdmissionPolicy", "fraud-worker-fraud")
    (listed,) = re.findall(r"secretKeyRef\.key in (\[[^]]*\])", json.dumps(policy).replace('\\"', '"'))
    allowed = json.loads(listed)
    # then the policy has these, and what the worker adds
    assert set(allowed) == environment_secrets(manifests) | {"fraud-prefect/auth-string"}
    assert {"cards/previous-keys", "registry/password", "fraud-mlflow/flows"} < set(allowed)


def test_a_digest_of_the_image_is_not_part_of_what_runs_must_begin_with() -> None:
    digest = f"image.digests.flows=sha256:{'a' * 64}"
    manifests = tuple(render(*VARIANTS["local"], "--set", digest))
    image = pool_defaults(manifests)["image"]
    text = json.dumps(named(manifests, "ValidatingAdmissionPolicy", "fraud-worker-fraud")["spec"])
    beginnings = re.findall(r'startsWith\(\\"([^"\\]+)\\"\)', text)
    assert beginnings == ["fraud/flows:", "fraud/flows@"]
    assert image.startswith(beginnings[0])
