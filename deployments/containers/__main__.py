"""`python -m deployments.containers`: the commands of containers, see `deployments.containers`."""

import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

from fraud.errors import FraudError
from fraud.settings import load_settings

TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows the content of this file as the reason why a container ended."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command(name="wait")
def wait(
    needs: Annotated[
        list[str], typer.Argument(help="kafka, topics:IDENTITY, lake, registry, prefect, pool:NAME.")
    ],
    timeout_s: Annotated[float, typer.Option("--patience", min=0, help="Seconds until it gives up.")] = 300,
) -> None:
    """Wait until everything that is needed is there; say in a sentence what is not."""
    from deployments.containers.needs import wait_for

    wait_for(load_settings(), needs, timeout_s, typer.echo)


@app.command()
def migrate(
    application: Annotated[str, typer.Argument(help="prefect or mlflow.")],
    timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 300,
) -> None:
    """Bring the application's Postgres database to the schema of the installed version."""
    from deployments.containers.databases import database_uri, migrate, wait_until_reachable

    uri = database_uri()
    wait_until_reachable(uri, timeout_s, typer.echo)
    migrate(application, uri)


@app.command(name="wait-migrated")
def wait_migrated(
    application: Annotated[str, typer.Argument(help="prefect or mlflow.")],
    timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 600,
) -> None:
    """Wait until the database has the schema of the installed version."""
    from deployments.containers.databases import database_uri, wait_until_migrated

    wait_until_migrated(application, database_uri(), timeout_s, typer.echo)


@app.command()
def bucket(timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 300) -> None:
    """Make the lake's bucket on a local S3 server, if it is not there."""
    from deployments.containers.buckets import make_bucket

    make_bucket(load_settings(), timeout_s, typer.echo)


@app.command()
def topics(timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 300) -> None:
    """Make the topics that are missing, once Kafka answers and lets us."""
    from deployments.containers.waiting import poll
    from fraud.kafka.topics import create_topics

    settings = load_settings()

    def make() -> None:
        typer.echo(f"made: {', '.join(create_topics(settings)) or 'nothing, all were there'}")

    poll(make, timeout_s, typer.echo)


@app.command()
def acl(
    identities: Annotated[list[str], typer.Argument(help="Each as User:fraud-IDENTITY.")],
    timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 300,
) -> None:
    """Grant each identity of a broker of our own what it lacks, as the broker's administrator."""
    from deployments.containers.needs import wait_for
    from fraud.kafka.admin.acl import apply_plan, plan_acls

    settings = load_settings()
    wait_for(settings, ["kafka"], timeout_s, typer.echo)
    granted = apply_plan(settings, plan_acls(settings, {one: f"User:fraud-{one}" for one in identities}))
    typer.echo(f"granted: {granted} permissions to {', '.join(identities)}")


@app.command()
def orchestrate(
    pool: str,
    defaults: Annotated[Path | None, typer.Option()] = None,
    timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 600,
) -> None:
    """Make the work pool and the automations, once Prefect answers."""
    from deployments.containers.needs import wait_for
    from deployments.orchestration.apply import orchestrate as apply
    from deployments.orchestration.pools import read_defaults

    settings = load_settings()
    wait_for(settings, ["prefect"], timeout_s, typer.echo)
    apply(settings, [pool], read_defaults(defaults), typer.echo)


@app.command(name="spark-executor")
def spark_executor(role: Annotated[str, typer.Argument()] = "executor") -> None:
    """Become an executor of Spark on Kubernetes; Spark passes the options as variables."""
    from deployments.containers.spark import become_executor

    become_executor()


@app.command(name="mlflow-users")
def mlflow_users(timeout_s: Annotated[float, typer.Option("--patience", min=0)] = 300) -> None:
    """Make MLflow's users and grant what each may change, once MLflow answers."""
    from deployments.containers.mlflow_users import make_users
    from deployments.containers.settings import load_container_settings

    make_users(load_settings(), load_container_settings(), timeout_s, typer.echo)


@app.command()
def server(application: Annotated[str, typer.Argument(help="prefect or mlflow.")]) -> None:
    """Become the server: this process is replaced by it, so that it hears SIGTERM."""
    from deployments.containers.servers import become

    become(application)


@app.command()
def healthy(url: str, timeout_s: Annotated[float, typer.Option("--timeout")] = 4.0) -> None:
    """Exit with 0 if a GET answers 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            code = answer.status
    except (urllib.error.URLError, OSError) as error:
        raise FraudError(f"{url} does not answer: {error}") from None
    if code != 200:
        raise FraudError(f"{url} answers {code}")


def main() -> None:
    """Run the command of the process's arguments; a failure ends it with one sentence."""
    try:
        app()
    except FraudError as error:
        typer.echo(f"error: {error}", err=True)
        if TERMINATION_LOG.exists():
            TERMINATION_LOG.write_text(f"{error}\n", encoding="utf-8")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
