import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel, RawScheduleConfig

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
    files = {path.name for path in (ROOT / "flows").glob("*.py")} - {"__init__.py", "entry.py"}
    assert {Path(deployment["entrypoint"].split(":")[0]).name for deployment in DEPLOYMENTS} == files


def test_no_limit_can_end_the_serving_flow() -> None:
    serving = [one for one in DEPLOYMENTS if one["entrypoint"].startswith("flows/serve.py")]
    assert serving
    assert not any("concurrency_limit" in one for one in serving)


def test_what_a_change_does_to_the_deployments() -> None:
    assert_snapshot("deployments.json", json.dumps(DEPLOYMENTS, indent=1, sort_keys=True) + "\n")
