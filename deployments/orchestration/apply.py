"""Applying pools and automations to the Prefect server that PREFECT_API_URL names."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from httpx import HTTPStatusError, RequestError
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.orchestration.automations import apply_automations, remove_foreign_triggers
from deployments.orchestration.pools import TYPES, apply_pool
from fraud.errors import ConfigurationError, UnreachableError
from fraud.settings import Settings


def orchestrate(
    settings: Settings, pools: Collection[str], defaults: Mapping[str, Any], log: Callable[[str], None]
) -> None:
    """Bring the work pools and the automations to what stands here.

    `defaults` are for the job template of `kubernetes`.

    Raises:
        ConfigurationError: there is no such pool, or no Prefect server is named.
        UnreachableError: it does not answer, or refuses.
    """
    url = settings.prefect_api_url
    if not url:
        raise ConfigurationError(
            "PREFECT_API_URL is not set; `fraud up` starts a Prefect server of this machine"
        )
    try:
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            for pool in pools:
                apply_pool(client, pool, defaults)
                log(f"work pool {pool} ({TYPES[pool]})")
            for name, done in apply_automations(client).items():
                log(f"automation {done}: {name}")
            for name in remove_foreign_triggers(client, set(pools)):
                log(f"automation removed, another pool's deployment has the same: {name}")
    except HTTPStatusError as error:
        hint = "; is PREFECT_API_AUTH_STRING the server's?" if error.response.status_code == 401 else ""
        raise UnreachableError(f"Prefect at {url} answers {error.response.status_code}{hint}") from error
    except RequestError as error:
        raise UnreachableError(f"Prefect at {url} does not answer: {error}") from error
