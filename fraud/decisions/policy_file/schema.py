"""The JSON Schema of a policy file, with which editors complete and check it.

`python -m fraud.decisions.policy_file.schema` writes it beside the default policy.
"""

import json
from pathlib import Path

from fraud.decisions.policy_file.parts import PolicyDocument

SCHEMA_FILE = Path(__file__).with_name("policy.schema.json")


def schema_text() -> str:
    """The schema of the document, as it is published."""
    schema = PolicyDocument.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Policy of decisions"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
