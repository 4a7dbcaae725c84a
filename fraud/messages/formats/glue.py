"""AWS Glue's schema registry: the schemas that messages were written with, by the UUIDs of their versions."""

from contextlib import suppress
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraud.errors import ConfigurationError, RefusedError, UnreachableError
from fraud.messages.formats.registry import SchemaMissingError, WriterSchema
from fraud.messages.formats.wire import SchemaId
from fraud.settings import SchemaRegistrySettings

_NO_VERSION = "00000000-0000-0000-0000-000000000000"
_DENIED = ("AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId")


class GlueRegistry:
    """Asks Glue for schemas, with the region and the credentials of the environment.

    Args:
        settings: how long to wait for an answer.
        client: of boto3; default: a new one.

    Raises:
        ConfigurationError: boto3 finds no region.
    """

    def __init__(self, settings: SchemaRegistrySettings, client: Any = None) -> None:
        timeout_s = settings.timeout_s
        config = Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 1})
        try:
            self._client = client or boto3.client("glue", config=config)
        except BotoCoreError as error:
            raise ConfigurationError(f"FRAUD_KAFKA__PAYLOAD_FORMAT is glue, and {error}") from error

    def schema(self, schema_id: SchemaId) -> WriterSchema:
        """The schema of a version, which never changes.

        Raises:
            SchemaMissingError: there is none.
            RefusedError: Glue does not let us read.
            UnreachableError: it does not answer.
        """
        try:
            found = self._client.get_schema_version(SchemaVersionId=schema_id)
        except ClientError as error:
            raise _translated(error, schema_id) from None
        except BotoCoreError as error:
            raise UnreachableError(f"AWS Glue does not answer: {error}") from None
        kind = found["DataFormat"]
        # Its Protobuf names the message's type in another way than Confluent's.
        return WriterSchema("PROTOBUF of Glue" if kind == "PROTOBUF" else kind, found["SchemaDefinition"])

    def check(self) -> str:
        """What Glue answers to a question about a version that cannot be, as one sentence.

        Raises:
            RefusedError: it does not let us read.
            UnreachableError: it does not answer.
        """
        with suppress(SchemaMissingError):
            self.schema(_NO_VERSION)
        return f"AWS Glue in {self._client.meta.region_name} answers"


def _translated(error: ClientError, schema_id: SchemaId) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "EntityNotFoundException":
        return SchemaMissingError(f"AWS Glue has no schema version {schema_id}")
    if code in _DENIED:
        return RefusedError(
            f"AWS Glue refuses us ({code}); let the role of this process do glue:GetSchemaVersion"
        )
    return UnreachableError(f"AWS Glue does not answer: {code}")
