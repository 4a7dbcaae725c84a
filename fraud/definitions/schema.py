"""The JSON Schema of a definitions file, with which editors complete and check it.

`python -m fraud.definitions.schema` writes it beside the shipped definitions.
"""

import json
from pathlib import Path

from fraud.definitions.document import DefinitionsDocument

SCHEMA_FILE = Path(__file__).with_name("definitions.schema.json")


def schema_text() -> str:
    """The schema of the document, as it is published."""
    schema = DefinitionsDocument.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Definitions of payments and features"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
