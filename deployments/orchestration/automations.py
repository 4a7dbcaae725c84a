"""What the Prefect server does by itself when a run goes silent.

A self-hosted server has none of this by default: a run whose process was killed would be `Running`
indefinitely, and with a concurrency limit of one it would keep every later run waiting.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.events import ResourceSpecification

HEARTBEAT = timedelta(seconds=180)
"""How often a run sends a heartbeat; Prefect's own default, which this relies on."""

TRIGGERS = ("retrain-on-alarm",)
"""Names of the triggers in `prefect.yaml`, which `prefect deploy` makes automations of."""

_RUN = "prefect.flow-run"
_ENDED = {f"{_RUN}.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}


def automations() -> list[AutomationCore]:
    """All of them, as they should be."""
    return [
        _crash_unless(
            "fraud: a run that went silent has crashed",
            "Three heartbeats missed: the process was killed, or its node is gone.",
            after={f"{_RUN}.heartbeat"},
            expect={f"{_RUN}.heartbeat", *_ENDED},
            within=3 * HEARTBEAT,
        ),
        _crash_unless(
            "fraud: a run that never started has crashed",
            "Half an hour pending: no node has room for it, or its image cannot be pulled.",
            after={f"{_RUN}.Pending"},
            expect={f"{_RUN}.Running", *_ENDED},
            within=timedelta(minutes=30),
        ),
    ]


def apply_automations(client: SyncPrefectClient) -> dict[str, str]:
    """Make what is missing and update the rest; returns what was done to each."""
    done = {}
    for wanted in automations():
        existing = client.read_automations_by_name(wanted.name)
        if existing:
            client.update_automation(existing[0].id, wanted)
            for double in existing[1:]:
                client.delete_automation(double.id)
        else:
            client.create_automation(wanted)
        done[wanted.name] = "updated" if existing else "created"
    return done


def remove_foreign_triggers(client: SyncPrefectClient, pools: Collection[str]) -> list[str]:
    """Leave one automation for an event that starts a flow; returns the names of those removed.

    A flow that is deployed for two pools brings its trigger twice, and each alarm would start two trainings.
    The triggers of deployments for other pools than `pools` go, if one of `pools` has the same.
    """
    removed = []
    for name in TRIGGERS:
        pool_of = {
            one.id: _pool_of(client, action.deployment_id)
            for one in client.read_automations_by_name(name)
            for action in one.actions
            if isinstance(action, RunDeployment) and action.deployment_id is not None
        }
        foreign = [found for found, pool in pool_of.items() if pool not in pools]
        if len(foreign) < len(pool_of):
            for found in foreign:
                client.delete_automation(found)
                removed.append(f"{name} of the pool {pool_of[found]}")
    return removed


def _pool_of(client: SyncPrefectClient, deployment: UUID) -> str | None:
    return client.read_deployment(deployment).work_pool_name


def _crash_unless(
    name: str, reason: str, *, after: set[str], expect: set[str], within: timedelta
) -> AutomationCore:
    trigger = EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": f"{_RUN}.*"}),
        after=after,
        expect=expect,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )
    action = ChangeFlowRunState(name=None, state=StateType.CRASHED, message=reason, force=False)
    return AutomationCore(name=name, description=reason, enabled=True, trigger=trigger, actions=[action])
