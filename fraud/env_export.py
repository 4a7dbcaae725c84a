"""Settings as the environment variables from which another process loads the same."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, SecretStr

from fraud.settings import Settings


def variables(settings: Settings) -> dict[str, str]:
    """Names and values, secrets among them; what is not set is left out."""
    return dict(_told("FRAUD_", settings))


def _told(prefix: str, section: BaseModel) -> Iterator[tuple[str, str]]:
    plain = section.model_dump(mode="json")
    for name in type(section).model_fields:
        value, variable = getattr(section, name), prefix + name.upper()
        if isinstance(value, BaseModel):
            yield from _told(f"{variable}__", value)
        elif isinstance(value, SecretStr):
            yield variable, value.get_secret_value()
        elif isinstance(plain[name], dict | list):
            yield variable, json.dumps(plain[name])
        elif value is not None:
            yield variable, str(plain[name])
