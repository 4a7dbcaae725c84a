"""`python -m tests.kubernetes.images.jars FOLDER`: a build context for the test's Kafka image."""

import shutil
import sys
from pathlib import Path

from deployments.local.jars import kafka_jars


def main() -> None:
    """Lay the jars beside the image's files."""
    folder = Path(sys.argv[1])
    shutil.copytree(Path(__file__).parent / "kafka", folder, dirs_exist_ok=True)
    libraries = folder / "libs"
    libraries.mkdir(exist_ok=True)
    for jar in kafka_jars().glob("*.jar"):
        shutil.copy(jar, libraries)


if __name__ == "__main__":
    main()
