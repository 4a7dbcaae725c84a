import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel, RawScheduleConfig
from prefect.cli.deploy._triggers import _initialize_deployment_triggers
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent

from deployments.orchestration.pools import TEMPLATE
from tasks.monitor import ALARM, INCONSISTENCY, LATE_PROFILES
from tests.snapshot import assert_snapshot

ROOT = Path(__file__).parent.parent
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = DOCUMENT["deployments"]


def entrypoint(deployment: dict[str, Any]) -> Any:
    path, name = deployment["entrypoint"].split(":")
    return getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)


def title(deployment: dict[str, Any]) -> str:
    return f"{deployment['entrypoint']}/{deployment['name']}"


def test_prefect_accepts_the_file_and_no_key_is_misspelt() -> None:
    # given what Prefect reads the file with, which ignores what it doesn't know
    PrefectYamlModel.model_validate(DOCUMENT)
    # then every key of ours is one that it knows
    for deployment in DEPLOYMENTS:
        assert deployment.keys() <= DeploymentConfig.model_fields.keys(), title(deployment)
        for schedule in deployment.get("schedules", []):
            RawScheduleConfig.model_validate(schedule)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=title)
def test_every_deployment_names_a_flow_and_its_parameters(deployment: dict[str, Any]) -> None:
    # given
    flow = entrypoint(deployment)
    # then it is a flow that takes these parameters
    assert isinstance(flow, Flow)
    assert deployment.get("parameters", {}).keys() <= flow.parameters.properties.keys()


def test_every_flow_is_deployed() -> None:
    files = {path.name for path in (ROOT / "flows").glob("*.py")} - {"__init__.py", "entry.py", "runs.py"}
    assert flow_files("local") == files


def test_on_kubernetes_the_same_flows_run_but_serving_which_is_a_deployment_of_the_chart() -> None:
    assert flow_files("kubernetes") == flow_files("local") - {"serve.py"}


def test_both_pools_run_the_same_definition() -> None:
    # given what a deployment says beside where it runs
    where = {"name", "work_pool", "build", "pull"}
    said = {
        pool: {
            one["entrypoint"]: {key: value for key, value in one.items() if key not in where}
            for one in deployments_of(pool)
        }
        for pool in ("local", "kubernetes")
    }
    # then it is the same on both
    assert all(said["local"][entry] == options for entry, options in said["kubernetes"].items())


def test_jobs_are_given_what_the_job_template_knows() -> None:
    variables = json.loads(TEMPLATE.read_text(encoding="utf-8"))["variables"]["properties"]
    for deployment in deployments_of("kubernetes"):
        assert deployment["work_pool"]["job_variables"].keys() <= variables.keys(), title(deployment)


def test_training_has_more_memory_than_ingest() -> None:
    memory = {
        one["entrypoint"].split(":")[1]: int(
            one["work_pool"]["job_variables"]["memory_limit"].removesuffix("Gi")
        )
        for one in deployments_of("kubernetes")
    }
    assert memory["train"] > memory["ingest"]


def test_each_kind_of_work_runs_as_the_account_that_has_its_rights() -> None:
    # given the service accounts that the chart makes
    values = yaml.safe_load((ROOT / "k8s" / "chart" / "values.yaml").read_text(encoding="utf-8"))
    accounts = {
        one["work_pool"]["job_variables"]["service_account_name"] for one in deployments_of("kubernetes")
    }
    # then none is named that is not there
    assert accounts <= set(values["serviceAccounts"].values())


def deployments_of(pool: str) -> list[dict[str, Any]]:
    return [one for one in DEPLOYMENTS if one["work_pool"]["name"] == pool]


def flow_files(pool: str) -> set[str]:
    return {Path(one["entrypoint"].split(":")[0]).name for one in deployments_of(pool)}


def test_the_monitors_alarm_starts_retrain_and_nothing_else_does() -> None:
    # given the trigger of the deployment, as the server keeps it
    found = [(title(one), trigger) for one in DEPLOYMENTS for trigger in one.get("triggers", [])]
    assert [name for name, _ in found] == [
        "flows/retrain.py:retrain/local",
        "flows/retrain.py:retrain/kubernetes",
    ]
    # and it passes what started the flow
    assert all(trigger["parameters"] == {"alarm": True} for _, trigger in found)
    (defined,) = _initialize_deployment_triggers("local", [dict(found[0][1])])
    defined.set_deployment_id(uuid4())
    trigger = EventTrigger.model_validate(defined.as_automation().trigger.model_dump(mode="json"))
    # then it hears the alarm on any model of ours, and no other event
    for event, resource, heard in (
        (ALARM, "fraud.model.fraud-detector", True),
        (INCONSISTENCY, "fraud.model.fraud-detector", False),
        (LATE_PROFILES, "fraud.model.fraud-detector", False),
        (ALARM, "somebody.elses", False),
    ):
        received = {
            "id": uuid4(),
            "occurred": datetime.now(UTC),
            "event": event,
            "resource": {"prefect.resource.id": resource},
        }
        assert trigger.covers(ReceivedEvent.model_validate(received)) is heard


def test_no_limit_can_end_the_serving_flow() -> None:
    serving = [one for one in DEPLOYMENTS if one["entrypoint"].startswith("flows/serve.py")]
    assert serving
    assert not any("concurrency_limit" in one for one in serving)


def test_what_a_change_does_to_the_deployments() -> None:
    assert_snapshot("deployments.json", json.dumps(DEPLOYMENTS, indent=1, sort_keys=True) + "\n")
