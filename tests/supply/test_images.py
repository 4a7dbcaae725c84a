"""Images: those of others by digest, ours signed before they are deployed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.supply.exceptions import load_exemptions
from tests.supply.images import image_references, references_in
from tests.test_architecture import ROOT, tracked_files

OURS = "registry.example/fraud"
DIGEST = "sha256:" + "a" * 64


def test_every_image_that_is_deployed_has_a_digest_or_a_reason() -> None:
    references = list(image_references())
    files = {one.file for one in references}
    assert files >= {"deployments/compose.yaml", "k8s/chart/values.yaml", "deployments/docker/Dockerfile"}
    exempt = {one.subject[0] for one in load_exemptions().images}
    bare = {one.text for one in references if one.digest is None}
    # then nothing else lacks one, and no exemption is left that nothing needs
    assert bare == exempt


def test_an_image_without_a_digest_is_found_wherever_it_is() -> None:
    (found,) = references_in("x.tf", 'image = "quay.io/some/thing:v1.2"')
    assert (found.text, found.digest) == ("quay.io/some/thing:v1.2", None)


def test_no_dockerfile_names_a_base_that_has_no_digest() -> None:
    files = [
        one for one in tracked_files() if Path(one).name == "Dockerfile" and not one.startswith("tests/")
    ]
    assert files
    for name in files:
        text = (ROOT / name).read_text()
        stages = set(re.findall(r" AS (\S+)$", text, re.MULTILINE))
        defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
        for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            argument = re.fullmatch(r"\$\{(\w+)\}", base)
            full = defaults[argument[1]] if argument else base
            assert base in stages or "@sha256:" in full, base


# --------------------------------------------------------------------------- attacks on the delivery

DOCKER = f"""#!/bin/sh
echo "docker $*" >>"$CALLS"
case "$1 $2" in
  "manifest inspect") [ -n "$PLANTED" ] ;;
  "buildx imagetools") echo "{DIGEST}" ;;
esac
"""
COSIGN = """#!/bin/sh
echo "cosign $*" >>"$CALLS"
[ "$1" = sign ] && touch "$SIGNED"
[ "$1" = verify ] && [ ! -e "$SIGNED" ] && { echo "no signatures found" >&2; exit 1; }
exit 0
"""


@pytest.fixture
def delivery(tmp_path: Path) -> dict[str, str]:
    """The environment of a job, with programs that stand for the registry."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("docker", DOCKER), ("cosign", COSIGN)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"),
        "SIGNED": str(tmp_path / "signed"),
        "PLANTED": "", "FRAUD_REGISTRY": OURS, "FRAUD_TAG": "abc", "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/deploy.yaml@refs/heads/main",
        "IMAGES": str(tmp_path / "images"), "IMAGE_VALUES": str(tmp_path / "values.yaml"),
    }  # fmt: skip


def build_and_sign(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = ROOT / ".github" / "scripts" / "build-and-sign"
    return subprocess.run([script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_what_a_job_built_is_signed_verified_and_deployed_by_digest(
    delivery: dict[str, str], tmp_path: Path
) -> None:
    done = build_and_sign(delivery)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    for name in ("flows", "serving", "producer"):
        assert f"cosign sign --yes {OURS}/{name}:abc@{DIGEST}" in calls
        assert re.search(
            rf"cosign verify {OURS}/{name}:abc@{DIGEST} --certificate-identity https://\S+deploy.yaml@", calls
        )
    values = yaml.safe_load((tmp_path / "values.yaml").read_text())
    assert values["image"] == {
        "tag": "abc",
        "digests": dict.fromkeys(("flows", "serving", "producer"), DIGEST),
    }


def test_an_image_that_somebody_planted_in_the_registry_is_not_deployed(
    delivery: dict[str, str], tmp_path: Path
) -> None:
    # given a registry that has an image of this commit, which no workflow has signed
    done = build_and_sign(delivery | {"PLANTED": "yes"})
    # then the job fails, and does not sign it
    assert done.returncode != 0
    assert "no signatures found" in done.stderr
    assert "cosign sign" not in (tmp_path / "calls").read_text()
