"""Settings as the environment variables from which another process loads the same."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, SecretStr

from fraud.settings import Settings


def environment_variables(settings: Settings) -> dict[str, str]:
    """Names and values, also of secrets; settings without a value are left out."""
    return dict(_exported("FRAUD_", settings))


def _exported(prefix: str, section: BaseModel) -> Iterator[tuple[str, str]]:
    values = section.model_dump(mode="json")
    for name in type(section).model_fields:
        value, variable = getattr(section, name), prefix + name.upper()
        if isinstance(value, BaseModel):
            yield from _exported(f"{variable}__", value)
        elif isinstance(value, SecretStr):
            yield variable, value.get_secret_value()
        elif isinstance(values[name], dict | list):
            yield variable, json.dumps(values[name])
        elif value is not None:
            yield variable, str(values[name])
