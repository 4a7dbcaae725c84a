"""The work pools and the automations, applied to a real Prefect server."""

import asyncio
import json
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.events.actions import RunDeployment
from prefect.settings import get_current_settings
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from deployments.cli.stack.secrets import CARDS_KEY, NAMES, SIGNING_NAMES, write_secrets
from deployments.containers.needs import wait_for
from deployments.orchestration.apply import orchestrate
from deployments.orchestration.automations import HEARTBEAT, automations
from deployments.orchestration.pools import kubernetes_template, read_defaults
from fraud.errors import ConfigurationError, UnreachableError
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.flows.test_deploying import ROOT, prefect

pytestmark = pytest.mark.timeout(300)

DEFAULTS: dict[str, Any] = {
    "image": "registry/fraud/flows:abc",
    "namespace": "payments",
    "node_selector": {"fraud.workload": "flows"},
    "tolerations": [{"key": "fraud.workload", "operator": "Exists"}],
    "extra_env": [
        {
            "name": "FRAUD_KAFKA__SASL_PASSWORD",
            "valueFrom": {"secretKeyRef": {"name": "k", "key": "password"}},
        }
    ],
}


@pytest.fixture
def server(prefect_server: None, make_settings: SettingsFactory) -> Settings:
    """Settings that name the session's Prefect server."""
    return make_settings(prefect_api_url=str(get_current_settings().api.url))


def test_applying_twice_changes_nothing(server: Settings) -> None:
    # given
    said: list[str] = []
    orchestrate(server, ["kubernetes"], DEFAULTS, said.append)
    # when
    orchestrate(server, ["kubernetes"], DEFAULTS, said.append)
    # then there is one of each, and the pool is what the template and the defaults say
    with get_client(sync_client=True) as client:
        for wanted in automations():
            (found,) = client.read_automations_by_name(wanted.name)
            assert found.trigger == wanted.trigger
            assert found.enabled
        pool = client.read_work_pool("kubernetes")
    assert pool.type == "kubernetes"
    assert pool.base_job_template == kubernetes_template(DEFAULTS)


def test_a_worker_waits_for_its_pool_and_says_what_is_missing(server: Settings) -> None:
    # given a server without this pool
    with pytest.raises(UnreachableError, match="has no work pool 'nowhere'; the job `orchestration`"):
        wait_for(server, ["prefect", "pool:nowhere"], 0, lambda text: None)
    # when it is there
    orchestrate(server, ["kubernetes"], DEFAULTS, lambda text: None)
    # then
    wait_for(server, ["prefect", "pool:kubernetes"], 0, lambda text: None)


def test_a_run_is_given_up_after_three_missed_heartbeats() -> None:
    zombie = automations()[0]
    assert HEARTBEAT.total_seconds() == get_current_settings().flows.heartbeat_frequency
    assert zombie.trigger.model_dump()["within"].total_seconds() == 540


def test_a_flow_is_deployed_to_kubernetes_with_the_image_of_the_commit(
    server: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the pool, and an image that the cluster has already
    orchestrate(server, ["kubernetes"], DEFAULTS, lambda text: None)
    for name, value in {"BUILT": "1", "REGISTRY": "registry.example/fraud", "TAG": "abc123"}.items():
        monkeypatch.setenv(f"FRAUD_{name}", value)
    monkeypatch.chdir(ROOT)
    # when
    prefect("deploy", "--name", "train/kubernetes")
    # then
    with get_client(sync_client=True) as client:
        train = client.read_deployment_by_name("train/kubernetes")
    assert train.job_variables["image"] == "registry.example/fraud/flows:abc123"
    assert train.job_variables["service_account_name"] == "fraud-trainer"
    assert train.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": "/app"}}]


def test_an_alarm_starts_one_training_where_both_pools_were_deployed(
    server: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given retrain deployed for both pools, each with its trigger
    orchestrate(server, ["local", "kubernetes"], DEFAULTS, lambda text: None)
    for name, value in {"BUILT": "1", "REGISTRY": "registry.example/fraud", "TAG": "abc123"}.items():
        monkeypatch.setenv(f"FRAUD_{name}", value)
    monkeypatch.chdir(ROOT)
    for name in ("retrain/local", "retrain/kubernetes", "retrain/local"):
        prefect("deploy", "--name", name)
    said: list[str] = []
    # when this machine's pool is applied
    orchestrate(server, ["local"], {}, said.append)
    # then its trigger alone is left, whatever is applied again
    assert any("retrain-on-alarm of the pool kubernetes" in text for text in said)
    orchestrate(server, ["local"], {}, lambda text: None)
    with get_client(sync_client=True) as client:
        (left,) = client.read_automations_by_name("retrain-on-alarm")
        (action,) = left.actions
        assert isinstance(action, RunDeployment)
        assert action.deployment_id is not None
        assert client.read_deployment(action.deployment_id).work_pool_name == "local"


def rendered_job(variables: dict[str, Any]) -> dict[str, Any]:
    """The Job that the worker would make of the template."""
    configuration = asyncio.run(
        KubernetesWorkerJobConfiguration.from_template_and_values(
            base_job_template=kubernetes_template(DEFAULTS), values=variables
        )
    )
    configuration.env = {"PREFECT__FLOW_RUN_ID": str(uuid.uuid4())}
    configuration._populate_env_in_manifest()
    job: dict[str, Any] = configuration.job_manifest
    return job


def test_the_job_of_a_run_is_locked_down_and_cleans_up_after_itself(prefect_server: None) -> None:
    job = rendered_job({"service_account_name": "fraud-trainer", "memory_limit": "8Gi", "name": "run"})
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    assert pod["serviceAccountName"] == "fraud-trainer"
    assert pod["automountServiceAccountToken"] is False
    assert pod["nodeSelector"] == DEFAULTS["node_selector"]
    assert pod["tolerations"] == DEFAULTS["tolerations"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "8Gi"}
    assert [one["name"] for one in container["env"]] == ["PREFECT__FLOW_RUN_ID", "FRAUD_KAFKA__SASL_PASSWORD"]
    assert container["image"] == "registry/fraud/flows:abc"


def test_an_unknown_default_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no variable memory"):
        kubernetes_template({"memory": "2Gi"})


def test_an_unknown_pool_is_refused(server: Settings) -> None:
    with pytest.raises(ConfigurationError, match="'spark' is not one of local, kubernetes"):
        orchestrate(server, ["spark"], {}, lambda text: None)


def test_defaults_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "pool.json"
    broken.write_text("[1]")
    with pytest.raises(ConfigurationError, match="one JSON object"):
        read_defaults(broken)


def test_secrets_are_generated_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    # given
    file = tmp_path / ".env"
    write_secrets(file)
    values = dict(line.split("=", 1) for line in file.read_text().splitlines())
    # then
    assert values.keys() == {*NAMES, *SIGNING_NAMES, CARDS_KEY}
    assert len(set(values.values())) == len(values)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="exists"):
        write_secrets(file)


def test_the_template_is_valid_json_with_every_variable_used() -> None:
    template = kubernetes_template({})
    used = json.dumps(template["job_configuration"])
    unused = [name for name in template["variables"]["properties"] if f"{{{{ {name} }}}}" not in used]
    assert unused == []
