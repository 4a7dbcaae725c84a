"""Images of others that the product names, and their digests.

`python -m tests.supply.images` asks their registries whether each digest exists; with `--write` it writes the
digest that each tag has now. Both need `docker buildx` and a network; exit code 3: a registry gave no answer.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.test_architecture import ROOT, tracked_files

_IMAGE = re.compile(
    r"(?:docker\.io|ghcr\.io|quay\.io|public\.ecr\.aws|registry\.k8s\.io|gcr\.io|mcr\.microsoft\.com)"
    r"(?P<name>(?:/[a-z0-9._-]+)+):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_NOT_DEPLOYED = ("tests/", "docs/", "benchmarks/")


@dataclass(frozen=True)
class ImageReference:
    """An image as a file names it."""

    file: str
    text: str
    digest: str | None

    @property
    def tagged(self) -> str:
        """Without the digest."""
        return self.text.partition("@")[0]


def image_references() -> Iterator[ImageReference]:
    """All of them, in every file that is deployed or that deploys."""
    for name in tracked_files():
        if (
            name.startswith(_NOT_DEPLOYED)
            or name.endswith((".md", ".lock", ".sum"))
            or not (ROOT / name).is_file()
        ):
            continue
        yield from references_in(name, (ROOT / name).read_bytes().decode(errors="replace"))


def references_in(file: str, text: str) -> Iterator[ImageReference]:
    """Those of one file."""
    for match in _IMAGE.finditer(text):
        yield ImageReference(file, match[0], match["digest"])


def digest_of(image: str) -> str:
    """The digest that the registry has for an image.

    Raises:
        OSError: it gives no answer, or has no such image.
    """
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    digest = done.stdout.strip()
    if done.returncode or not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise OSError(f"{image}: {done.stderr.strip() or digest or 'no digest'}")
    return digest


def write_digests() -> None:
    """Replace the digest of each reference by what its tag has now.

    Raises:
        OSError: a registry gave no answer; what was written until then stays.
    """
    for one in set(image_references()):
        path = Path(ROOT / one.file)
        text = path.read_text(encoding="utf-8")
        new = f"{one.tagged}@{digest_of(one.tagged)}"
        path.write_text(re.sub(re.escape(one.text) + r"(?!@)\b", new, text), encoding="utf-8")


def main() -> int:
    """Check, or write; returns the exit code."""
    try:
        if "--write" in sys.argv[1:]:
            write_digests()
        for text in sorted({one.text for one in image_references()}):
            sys.stdout.write(f"{text}: {digest_of(text)}\n")
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"the images were not checked: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
