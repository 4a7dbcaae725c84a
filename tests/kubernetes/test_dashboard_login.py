"""How people log in to the chart's dashboard: by the company, or with a first password from a Secret."""

import json

import pytest
import yaml

from fraud.settings import load_settings
from tests.kubernetes.rendering import (
    VARIANTS,
    Manifest,
    containers_of,
    named,
    of_kind,
    pod_of,
    refusal,
    render,
    variant,
)

OIDC = (
    "dashboard.oidc.issuer=https://login.example.com,dashboard.oidc.clientId=fraud-dashboard,"
    "networkPolicies.egress.oidc={203.0.113.0/24}"
)


def environment(manifests: tuple[Manifest, ...]) -> dict[str, str]:
    """The dashboard's own variables."""
    container = containers_of(named(manifests, "StatefulSet", "fraud-dashboard"))[-1]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def mounted(manifests: tuple[Manifest, ...]) -> dict[str, str]:
    """Secrets of the dashboard's pod by the folder that they are in."""
    dashboard = named(manifests, "StatefulSet", "fraud-dashboard")
    secrets = {
        one["name"]: one["secret"]["secretName"] for one in pod_of(dashboard)["volumes"] if "secret" in one
    }
    mounts = {one["name"]: one["mountPath"] for one in containers_of(dashboard)[-1]["volumeMounts"]}
    return {mounts[name]: secret for name, secret in secrets.items()}


def test_where_the_company_logs_people_in_passwords_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    # given the variant with an issuer, whose client's secret is in a Secret
    manifests = variant("eks")
    found = environment(manifests)
    assert found["FRAUD_DASHBOARD__OIDC__CLIENT_SECRET_FILE"] == "/etc/fraud/oidc/client-secret"
    assert mounted(manifests) == {"/etc/fraud/oidc": "fraud-oidc"}
    # then the settings that the pod reads leave that login alone
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    dashboard = load_settings().dashboard
    assert not dashboard.password_login
    assert dashboard.oidc.issuer == "https://login.example.com"
    assert dashboard.oidc.roles == {"fraud-lead": "admin"}
    assert dashboard.session_idle.total_seconds() == 900
    assert [str(one) for one in dashboard.proxies] == ["10.40.0.0/19", "10.40.32.0/19", "10.40.64.0/19"]


def test_the_first_password_is_in_a_secret_and_in_nothing_else() -> None:
    manifests = variant("local")
    assert mounted(manifests) == {"/etc/fraud/first-password": "fraud-dashboard"}
    found = environment(manifests)
    assert found["FRAUD_DASHBOARD__FIRST_PASSWORD_FILE"] == "/etc/fraud/first-password/password"
    assert "FRAUD_DASHBOARD__PASSWORD_LOGIN" not in found
    password = named(manifests, "Secret", "fraud-dashboard")["stringData"]["password"]
    assert len(password) >= 12
    others = [
        one for one in manifests if one["metadata"]["name"] != "fraud-dashboard" or one["kind"] != "Secret"
    ]
    assert password not in yaml.safe_dump_all(others)


def test_with_both_people_may_log_in_either_way() -> None:
    manifests = tuple(render(*VARIANTS["eks"], "--set", "dashboard.passwords.existingSecret=first"))
    assert mounted(manifests) == {"/etc/fraud/oidc": "fraud-oidc", "/etc/fraud/first-password": "first"}
    assert "FRAUD_DASHBOARD__PASSWORD_LOGIN" not in environment(manifests)


def test_a_dashboard_that_nobody_could_log_in_to_is_refused() -> None:
    assert "nobody could log in" in refusal("--set", "secrets.generate=false")
    assert "needs dashboard.oidc.clientId" in refusal(
        "--set", "dashboard.oidc.issuer=https://login.example.com"
    )
    assert "does not match pattern" in refusal("--set", "dashboard.oidc.issuer=http://login.example.com")
    # but without a dashboard nobody needs to
    assert render("-f", "values-local.yaml", "--set", "dashboard.enabled=false,secrets.generate=false")


def test_an_issuer_beside_generated_secrets_makes_no_password() -> None:
    manifests = tuple(render("-f", "values-local.yaml", "--set", OIDC))
    assert "fraud-dashboard" not in [one["metadata"]["name"] for one in of_kind(manifests, "Secret")]
    assert environment(manifests)["FRAUD_DASHBOARD__PASSWORD_LOGIN"] == "false"


def test_the_proxies_that_are_named_replace_the_whole_network_of_the_load_balancer() -> None:
    proxies = "ingress.trustedProxies={10.0.1.0/24,10.0.2.0/24}"
    manifests = tuple(render(*VARIANTS["eks"], "--set", proxies))
    gateway = containers_of(named(manifests, "Deployment", "fraud-gateway"))[-1]
    of_gateway = {one["name"]: one.get("value", "") for one in gateway["env"]}
    for found, name in ((environment(manifests), "DASHBOARD"), (of_gateway, "GATEWAY")):
        assert json.loads(found[f"FRAUD_{name}__TRUSTED_PROXIES"]) == ["10.0.1.0/24", "10.0.2.0/24"]
