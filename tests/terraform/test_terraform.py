"""Terraform's own checks: format, and validation and `terraform test` where the providers are installed.

The providers are installed by `terraform init -backend=false` in infra/terraform. Where no registry can be
reached, TERRAFORM_VALIDATE may name a program that is called as `PROGRAM FOLDER [terraform command ...]`,
validates the folder with providers of its own and then runs the command.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.aws.kafka_permissions import FILE, terraform_text
from fraud.preprocess.days import FEATURES, PROFILES
from fraud.settings import Settings

INFRA = Path(__file__).parents[2] / "infra" / "terraform"
ENVIRONMENTS = sorted(path.stem for path in (INFRA / "envs").glob("*.tfvars"))

_NO_PROVIDERS = "this machine has no Terraform providers in infra/terraform: run"

needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="this machine has no Terraform"
)

Terraform = Callable[..., None]


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """Runs a terraform command on a folder of the configuration; its output is the failure's message."""
    checker = os.environ.get("TERRAFORM_VALIDATE")
    if checker is None:
        return _with_own_providers
    # A backend that was not configured stops the commands that such a program needs.
    copy = shutil.copytree(
        INFRA, tmp_path / "terraform", ignore=shutil.ignore_patterns("backend.tf", ".terraform")
    )
    return lambda folder, *command: _run([checker, str(copy / folder), *command], tmp_path)


def _with_own_providers(folder: str, *command: str) -> None:
    if not (INFRA / folder / ".terraform").is_dir():
        pytest.skip(f"{_NO_PROVIDERS} `terraform init -backend=false` there, or set TERRAFORM_VALIDATE")
    _run(["terraform", *(command or ["validate"])], INFRA / folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


@needs_terraform
def test_the_files_are_formatted() -> None:
    _run(["terraform", "fmt", "-check", "-recursive", "-diff", str(INFRA)], INFRA)


@needs_terraform
@pytest.mark.timeout(1800)
def test_the_modules_keep_their_promises(terraform: Terraform) -> None:
    terraform(".", "test", "-no-color")


@needs_terraform
@pytest.mark.timeout(600)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_can_be_made_from_its_values(terraform: Terraform, environment: str) -> None:
    terraform(
        ".", "test", "-no-color", "-test-directory=tests/environments", f"-var-file=envs/{environment}.tfvars"
    )


@needs_terraform
@pytest.mark.timeout(600)
def test_the_bucket_of_the_states_can_be_made(terraform: Terraform) -> None:
    terraform("bootstrap")


def test_each_environment_has_its_own_state() -> None:
    backends = "".join((INFRA / "envs" / f"{name}.s3.tfbackend").read_text() for name in ENVIRONMENTS)

    assert len(set(re.findall(r'key\s*=\s*"(.+)"', backends))) == len(ENVIRONMENTS)


def test_the_topics_are_those_of_the_settings() -> None:
    variables = (INFRA / "variables-data.tf").read_text()
    block = variables.split('variable "topics"')[1].split('variable "')[0]

    assert (
        dict(re.findall(r'(\w+)\s*=\s*optional\(string, "(.+)"\)', block)) == Settings().topics.model_dump()
    )


def test_roles_on_msk_have_the_permissions_of_the_one_table() -> None:
    assert FILE.read_text(encoding="utf-8") == terraform_text(), "run `make kafka-permissions`"


def test_the_rights_speak_of_the_folders_that_there_are() -> None:
    table = (INFRA / "modules" / "identity" / "access.tf").read_text()

    assert all(f'"lake/{dataset.split("/")[0]}/"' in table for dataset in (FEATURES, PROFILES))


def test_only_routes_out_name_the_internet() -> None:
    naming = {
        path.relative_to(INFRA).as_posix() for path in INFRA.rglob("*.tf") if "0.0.0.0/0" in path.read_text()
    }

    assert naming == {"modules/network/routes.tf"}


def test_no_module_takes_or_makes_a_password() -> None:
    text = "\n".join(path.read_text() for path in INFRA.rglob("*.tf"))

    assert not re.search(r"^\s*(password|master_password|secret_string)\s*=", text, re.MULTILINE)
    assert not re.search(r'resource "(random_password|aws_secretsmanager_secret_version)"', text)


def test_every_skipped_check_is_argued() -> None:
    skips = re.findall(
        r"#checkov:skip=(\w+)(?::(.*))?", "\n".join(p.read_text() for p in INFRA.rglob("*.tf"))
    )

    assert skips
    assert [check for check, reason in skips if len(reason.split()) < 6] == []


def test_modules_are_in_the_tree() -> None:
    sources = re.findall(
        r'^\s*source\s*=\s*"(.+)"', "\n".join(p.read_text() for p in INFRA.rglob("main.tf")), re.MULTILINE
    )

    assert [source for source in sources if not source.startswith(("./", "../", "hashicorp/aws"))] == []
