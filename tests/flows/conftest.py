"""What the flows' tests share: a Prefect server and an S3 server, each started once a session."""

from collections.abc import Iterator

import pytest

from tests.s3 import S3Server, s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with an empty bucket `lake`."""
    import s3fs

    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        files = s3fs.S3FileSystem(
            key=server.key, secret=server.secret, endpoint_url=server.endpoint_url, skip_instance_cache=True
        )
        files.mkdir("lake")
        yield server


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Flow runs of this session are kept by a server of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def s3_lake(s3: S3Server, request: pytest.FixtureRequest) -> dict[str, object]:
    """Settings of a lake of this test's own on the S3 server."""
    return {
        "url": f"s3://lake/{request.node.name}",
        "s3_endpoint_url": s3.endpoint_url,
        "s3_key": s3.key,
        "s3_secret": s3.secret,
    }
