"""The daily training as a DAG of Airflow 3, for those whose schedules live there.

Airflow starts the Prefect deployment and waits for it; the pipeline, its retries and logs stay in Prefect.
This file needs only Airflow, since the two cannot share an environment: it uses Prefect's API.
Copy it into the DAGs folder, and set the environment of Airflow's workers:

    PREFECT_API_URL            such as http://fraud-prefect-server.fraud.svc:4200/api
    PREFECT_API_AUTH_STRING    user:password, if the server asks for it (from a secret of Airflow's)

Only one of the two should schedule: `prefect deployment schedule ls retrain/kubernetes`, then `pause` it.
"""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import Param, dag, get_current_context, task

POLL_S = 10
TERMINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to Prefect's API.

    Raises:
        AirflowFailException: it refuses; asking again would not help.
        AirflowException: it does not answer; Airflow may try again.
    """
    api = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not api:
        raise AirflowFailException("PREFECT_API_URL is not set in the environment of Airflow's workers")
    headers = {"Content-Type": "application/json"}
    if auth := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{api}{path}", data=data, headers=headers, method=method)  # noqa: S310
    try:
        with _opener(api).open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise AirflowFailException(f"Prefect refuses {method} {path} with {error.code}") from None
        raise AirflowException(f"Prefect answers {error.code} to {method} {path}") from None
    except (urllib.error.URLError, OSError) as error:
        raise AirflowException(f"Prefect at {api} does not answer: {error}") from None


def _opener(api: str) -> urllib.request.OpenerDirector:
    """A server of this machine is never asked through a proxy."""
    here = urlsplit(api).hostname in ("localhost", "127.0.0.1", "::1")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def find_deployment(name: str) -> dict[str, Any]:
    """The deployment of this name, FLOW/DEPLOYMENT."""
    flow, _, deployment = name.partition("/")
    found: dict[str, Any] = call("GET", f"/deployments/name/{quote(flow)}/{quote(deployment)}")
    return found


def start(dag_run_id: str, deployment: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The flow run of this DAG run: the same one however often it is asked for."""
    run: dict[str, Any] = call(
        "POST",
        f"/deployments/{find_deployment(deployment)['id']}/create_flow_run",
        {
            "idempotency_key": f"airflow-{dag_run_id}",
            "parameters": parameters,
            "state": {"type": "SCHEDULED", "message": f"Started by Airflow's run {dag_run_id}"},
            "tags": ["airflow"],
        },
    )
    return run


def wait(flow_run_id: str) -> dict[str, Any]:
    """The flow run once it has ended."""
    while True:
        run: dict[str, Any] = call("GET", f"/flow_runs/{flow_run_id}")
        if run["state_type"] in TERMINAL:
            return run
        time.sleep(POLL_S)


def require_ready(name: str) -> None:
    """See that the deployment is there and that somebody polls its work pool.

    Raises:
        AirflowFailException: it is missing or paused; a person has to fix that.
        AirflowException: no worker polls, which a restart may fix.
    """
    deployment = find_deployment(name)
    if deployment.get("paused"):
        raise AirflowFailException(f"the deployment {name} is paused in Prefect; resume it")
    pool = call("GET", f"/work_pools/{quote(deployment['work_pool_name'])}")
    if pool["is_paused"]:
        raise AirflowFailException(f"the work pool {pool['name']} is paused in Prefect; resume it")
    if pool["status"] != "READY":
        raise AirflowException(f"no worker polls the work pool {pool['name']}: it is {pool['status']}")


def cancel(dag_run_id: str) -> None:
    """End the flow run of this DAG run if it still goes on."""
    wanted = {"flow_runs": {"idempotency_key": {"any_": [f"airflow-{dag_run_id}"]}}}
    for run in call("POST", "/flow_runs/filter", wanted):
        if run["state_type"] not in TERMINAL:
            call("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})


@task(retries=3, retry_delay=timedelta(minutes=1), execution_timeout=timedelta(minutes=5))
def validate_environment() -> None:
    """Stop before the work if Prefect, the deployment or somebody to run it is missing."""
    require_ready(get_current_context()["params"]["deployment"])


# No retry here: Prefect's tasks have theirs, and the idempotency key would only find the failed run again.
@task(retries=0, execution_timeout=timedelta(hours=6))
def execute_training() -> str:
    """Run the deployment, or go on waiting for the run that this DAG run started; fail as it fails."""
    context = get_current_context()
    params = context["params"]
    run = wait(start(context["run_id"], params["deployment"], params["parameters"])["id"])
    if run["state_type"] != "COMPLETED":
        reason = (run.get("state") or {}).get("message") or "no reason given"
        raise AirflowFailException(f"the flow run {run['name']} is {run['state_type']}: {reason}")
    return str(run["id"])


@task(retries=3, retry_delay=timedelta(minutes=1), execution_timeout=timedelta(minutes=5))
def cleanup() -> None:
    """Cancel a flow run that nobody waits for any more, after a time-out or a manual stop."""
    cancel(get_current_context()["run_id"])


@dag(
    dag_id="fraud_pipeline",
    description="Learn from what has arrived since yesterday; the gate decides what serves.",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # the pipeline always learns from all there is: a missed day needs no run of its own
    max_active_runs=1,
    params={
        "deployment": Param("retrain/kubernetes", type="string", description="FLOW/DEPLOYMENT in Prefect"),
        "parameters": Param({}, type="object", description='of the flow, such as {"trials": 30}'),
    },
    tags=["fraud"],
)
def fraud_pipeline() -> None:
    """validate_environment → execute_training → cleanup."""
    # A teardown runs in any case, and the DAG run still fails when the training did.
    validate_environment() >> execute_training() >> cleanup().as_teardown()


fraud_pipeline()
