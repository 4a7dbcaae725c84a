"""What the Prefect server does by itself when a run goes silent.

A self-hosted server has none of this by default: a run whose process was killed would be `Running`
indefinitely, and with a concurrency limit of one it would keep every later run waiting.
"""

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.events import ResourceSpecification

HEARTBEAT = timedelta(seconds=180)
"""How often a run sends a heartbeat; Prefect's own default, which this relies on."""

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
