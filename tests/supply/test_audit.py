"""The gate of known vulnerabilities: what it finds, what it lets pass, and what it does not know."""

from datetime import date
from pathlib import Path

import pytest

from tests.supply import audit
from tests.supply.audit import Finding, UnansweredError, open_findings, parse_npm_audit, parse_pip_audit
from tests.supply.exceptions import grype_configuration, load_exemptions

KNOWN = {"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "fix_versions": ["2.0"]}
ANSWER = {
    "dependencies": [
        {"name": "thing", "version": "1.0", "vulns": [KNOWN]},
        {"name": "other", "version": "1", "vulns": []},
    ]
}
TEXT = """
vulnerabilities:
- {id: CVE-2099-1, package: thing, reason: not called, expires: 2099-01-31}
images: []
"""


def test_a_vulnerable_package_is_found_under_each_of_its_names() -> None:
    (found,) = parse_pip_audit(ANSWER, "requirements.lock")
    assert str(found) == "requirements.lock: thing 1.0 has CVE-2099-1, PYSEC-2099-1; fixed in 2.0"


def test_an_exemption_is_for_one_package_and_until_its_day() -> None:
    exemptions, findings = load_exemptions(TEXT), parse_pip_audit(ANSWER, "x")
    assert open_findings(findings, exemptions) == []
    other = Finding("x", "else", "1.0", frozenset({"CVE-2099-1"}), "")
    assert open_findings([other], exemptions) == [other]
    assert exemptions.expired(date(2099, 1, 31)) == []
    assert len(exemptions.expired(date(2099, 2, 1))) == 1


def test_an_exemption_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="no reason"):
        load_exemptions(TEXT.replace("not called", "''"))


def test_the_scanner_of_images_lets_the_same_pass() -> None:
    assert grype_configuration(load_exemptions(TEXT)) == (
        "ignore:\n- package:\n    name: thing\n  vulnerability: CVE-2099-1\n"
    )


def test_what_could_not_be_asked_is_not_taken_for_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(UnansweredError, match="thing"):
        parse_pip_audit({"dependencies": [{"name": "thing", "skip_reason": "not found"}]}, "x")
    with pytest.raises(UnansweredError, match="refused"):
        parse_npm_audit({"message": "refused"})
    # when a database cannot be reached
    monkeypatch.setattr(audit, "PIP_AUDIT", tmp_path / "none")
    monkeypatch.setattr(audit, "page_findings", list)
    # then that is said, and is a failure of its own
    assert audit.main() == 3
    assert "requirements.lock was not checked" in capsys.readouterr().out


def test_a_package_of_the_page_is_found() -> None:
    via = [{"url": "https://github.com/advisories/GHSA-1", "severity": "high"}, "other"]
    (found,) = parse_npm_audit({"vulnerabilities": {"a": {"name": "a", "range": "<2", "via": via}}})
    assert found.identifiers == {"GHSA-1"}
