"""Bills of materials: what they name is what is locked."""

import zipfile
from pathlib import Path

from deployments.local.jars import LOCK
from tests.supply.sbom import jar_bill


def test_the_bill_of_jars_names_each_with_its_checksum_and_where_it_comes_from(tmp_path: Path) -> None:
    # given the locked jars, one of which says its group
    lock = LOCK.read_text()
    names = [line.split()[1] for line in lock.splitlines()]
    for name in names:
        with zipfile.ZipFile(tmp_path / name, "w") as jar:
            if name.startswith("log4j-core-"):
                jar.writestr("META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties", "")
    # when
    bill = jar_bill(lock, tmp_path)
    # then
    assert {one["bom-ref"]: one["hashes"][0]["content"] for one in bill["components"]} == {
        line.split()[1]: line.split()[0] for line in lock.splitlines()
    }
    packages = {one["purl"].partition("@")[0] for one in bill["components"]}
    assert "pkg:maven/org.apache.logging.log4j/log4j-core" in packages
    assert "pkg:generic/kafka_2.13" in packages
