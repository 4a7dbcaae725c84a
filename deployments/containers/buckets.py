"""The bucket of a local S3 server; on AWS it is Terraform's."""

from collections.abc import Callable

from deployments.containers.waiting import poll
from fraud.errors import ConfigurationError, UnreachableError
from fraud.lake import open_lake
from fraud.settings import Settings

_REQUEST_TIMEOUT_S = 5.0


def make_bucket(settings: Settings, timeout_s: float, report: Callable[[str], None]) -> None:
    """Make the lake's bucket if it is not there.

    Raises:
        ConfigurationError: the lake is a folder.
        UnreachableError: the S3 server does not answer within `timeout_s`.
    """
    if not settings.lake_url.startswith("s3://"):
        raise ConfigurationError(f"FRAUD_LAKE__URL is {settings.lake_url}, which has no bucket")
    bucket = settings.lake_url.removeprefix("s3://").partition("/")[0]

    def make() -> None:
        filesystem = open_lake(settings, _REQUEST_TIMEOUT_S).filesystem
        try:
            if not filesystem.exists(bucket):
                filesystem.mkdir(bucket)
                report(f"made the bucket {bucket}")
        except Exception as error:
            # Whatever the S3 client raises when nobody answers.
            raise UnreachableError(f"the bucket {bucket!r} cannot be made: {error}") from None

    poll(make, timeout_s, report)
