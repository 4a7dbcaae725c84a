"""An executor of Spark on Kubernetes: what the entry point of Spark's own image does, from our packages.

Spark starts the container with the argument `executor` and passes the rest as variables
(BasicExecutorFeatureStep).
"""

import os
import re
from collections.abc import Mapping

from fraud.errors import ConfigurationError
from fraud.machine.spark_environment import spark_environment, spark_home
from fraud.settings import load_settings

_BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
_OPTIONS = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}


def become_executor() -> None:
    """Replace this process by the executor's Java."""
    environment = dict(os.environ) | spark_environment(load_settings().spark.java_home)
    command = executor_command(environment)
    os.execve(command[0], command, environment)  # noqa: S606


def executor_command(environment: Mapping[str, str]) -> list[str]:
    """The command line of the executor that the variables describe.

    Raises:
        ConfigurationError: Spark did not start this container.
    """
    missing = [name for name in (*_OPTIONS.values(), "SPARK_EXECUTOR_MEMORY") if name not in environment]
    if missing:
        raise ConfigurationError(f"{missing[0]} is not set: only Spark on Kubernetes starts executors")
    memory = environment["SPARK_EXECUTOR_MEMORY"]
    arguments = [text for option, name in _OPTIONS.items() for text in (option, environment[name])]
    java = f"{environment['JAVA_HOME']}/bin/java"
    options = [*_java_options(environment), f"-Xms{memory}", f"-Xmx{memory}"]
    return [java, *options, "-cp", _class_path(environment), _BACKEND, *arguments]


def _java_options(environment: Mapping[str, str]) -> list[str]:
    numbered = {
        int(match[1]): value
        for name, value in environment.items()
        if (match := re.fullmatch(r"SPARK_JAVA_OPT_(\d+)", name))
    }
    return [numbered[number] for number in sorted(numbered)]


def _class_path(environment: Mapping[str, str]) -> str:
    jars = spark_home() / "jars" / "*"
    return ":".join(text for text in (environment.get("SPARK_CONF_DIR"), str(jars)) if text)
