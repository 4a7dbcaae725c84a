"""Who may call: keys, scopes, rates, tokens of an issuer; callers without a key."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fraud.errors import ConfigurationError, DataError
from fraud.settings import Settings
from serving.gateway.auth.callers import Callers, RefusedCallerError
from serving.gateway.auth.keys import KeyFile
from tests.conftest import SettingsFactory
from tests.serving.dashboard.auth.issuer import Issuer, create_key, run_issuer, signed, unsigned
from tests.serving.gateway.support import GatewayServer, payment
from tests.serving.world import wait_for

MALFORMED = ["", "Bearer", "Basic abc", "Bearer fk_1_2", f"Bearer {'x' * 9_000}", "Bearer a.b.c"]


@pytest.mark.parametrize("header", MALFORMED)
def test_without_a_valid_key_nobody_is_let_in(offline_gateway: GatewayServer, header: str) -> None:
    for method, path in (("POST", "/v1/decisions"), ("GET", "/v1/decisions/t1"), ("POST", "/v1/reviews")):
        headers = {"Authorization": header, "Content-Type": "application/json"}
        answer = httpx.request(method, offline_gateway.url + path, headers=headers, trust_env=False)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), (method, path)


def test_a_key_counts_until_it_is_revoked_and_only_for_its_scopes(offline_gateway: GatewayServer) -> None:
    # given a key for reviews, made while the gateway runs
    keys = KeyFile(offline_gateway.settings.gateway_keys)
    text = keys.create("bank", ["review"], 100).text
    # then within a second it is known, and may not ask for decisions
    wait_for(lambda: offline_gateway.record("t1", key=text).status_code == 403, 5)
    # and when it is revoked, it is refused
    keys.revoke("bank")
    wait_for(lambda: offline_gateway.record("t1", key=text).status_code == 401, 5)


def test_a_key_is_not_in_the_file_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    made = keys.create("bank", ["decide"], 100)
    assert made.text.split("_", 2)[2] not in keys.path.read_text()
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(keys.path).find(made.text) == made.key


def test_a_rotated_key_stays_valid_for_the_overlap(tmp_path: Path) -> None:
    # given
    keys = KeyFile(tmp_path / "keys.json")
    first = keys.create("bank", ["decide"], 100)
    # when it is rotated with an overlap, and once more without
    second = keys.rotate("bank", timedelta(hours=1))
    assert {KeyFile(keys.path).find(one.text) is not None for one in (first, second)} == {True}
    third = keys.rotate("bank", timedelta())
    # then only the newest counts, with the scopes of the first
    read = KeyFile(keys.path)
    assert [read.find(one.text) is not None for one in (first, second, third)] == [False, False, True]
    assert third.key.scopes == ("decide",)


def test_mistakes_about_keys_are_one_sentence(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.create("bank", ["decide"], 100)
    for call in (
        lambda: keys.create("bank", ["decide"], 100),
        lambda: keys.create("two words", ["decide"], 100),
        lambda: keys.rotate("nobody", timedelta()),
        lambda: keys.revoke("nobody"),
    ):
        with pytest.raises(ConfigurationError):
            call()
    keys.path.write_text("[{")
    with pytest.raises(DataError, match="cannot be read"):
        keys.load()


def test_a_damaged_file_leaves_the_keys_that_were_known(offline_gateway: GatewayServer) -> None:
    assert offline_gateway.record("t1").status_code == 404
    offline_gateway.settings.gateway_keys.write_text("[{")
    time.sleep(1.2)
    assert offline_gateway.record("t1").status_code == 404


def test_a_caller_has_its_rate_and_no_other_callers(offline_gateway: GatewayServer) -> None:
    # given two keys with three requests a second
    keys = KeyFile(offline_gateway.settings.gateway_keys)
    one, other = (keys.create(name, ["decide"], 3).text for name in ("one", "other"))
    wait_for(lambda: offline_gateway.record("t1", key=other).status_code == 404, 5)
    # when one of them floods
    answers = [offline_gateway.record("t1", key=one) for _ in range(12)]
    # then it is refused after its three, with a time to wait
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 6
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert offline_gateway.record("t1", key=other).status_code == 404


# --------------------------------------------------------------------------- tokens


Claims = dict[str, Any]


def claims_of(issuer: Issuer, **changed: Any) -> Claims:
    now = int(time.time())
    found = {"iss": issuer.url, "aud": "fraud-gateway", "client_id": "switch", "exp": now + 60}
    found |= {"scope": "decide"} | changed
    return {name: value for name, value in found.items() if value is not None}


async def _require(settings: Settings, token: str) -> str:
    found = await Callers(settings).require({"authorization": f"Bearer {token}"}, "decide")
    return found.name


@pytest.mark.anyio
async def test_a_token_of_the_issuer_is_accepted(make_settings: SettingsFactory) -> None:
    with run_issuer() as issuer:
        settings = make_settings(gateway={"oidc": {"issuer": issuer.url}})
        assert await _require(settings, signed(claims_of(issuer), issuer.key)) == "oidc:switch"
        several = claims_of(issuer, scope=["other", "decide"], aud=["else", "fraud-gateway"])
        assert await _require(settings, signed(several, issuer.key)) == "oidc:switch"


STRANGE_HEADER = base64.urlsafe_b64encode(b'{"alg":"RS256","crit":5}').rstrip(b"=").decode()
WRONG: list[tuple[int, Callable[[Issuer], str]]] = [
    (401, lambda issuer: signed(claims_of(issuer, aud="another"), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer, aud=None), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer, iss="https://else.example"), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer, exp=int(time.time()) - 600), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer, exp=None), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer, client_id=None), issuer.key)),
    (401, lambda issuer: signed(claims_of(issuer), create_key("its", of="somebody else"))),
    (401, lambda issuer: unsigned(issuer, claims_of(issuer))),
    (401, lambda issuer: signed(claims_of(issuer), issuer.key)[:-4] + "AAAA"),
    (401, lambda issuer: f"{STRANGE_HEADER}.{signed(claims_of(issuer), issuer.key).partition('.')[2]}"),
    (403, lambda issuer: signed(claims_of(issuer, scope="review"), issuer.key)),
    (403, lambda issuer: signed(claims_of(issuer, scope=None), issuer.key)),
    (403, lambda issuer: signed(claims_of(issuer, scope={"decide": True}), issuer.key)),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "token"), WRONG, ids=range(len(WRONG)))
async def test_any_other_token_is_refused(
    make_settings: SettingsFactory, status: int, token: Callable[[Issuer], str]
) -> None:
    with run_issuer() as issuer:
        settings = make_settings(gateway={"oidc": {"issuer": issuer.url}})
        with pytest.raises(RefusedCallerError) as refused:
            await _require(settings, token(issuer))
    assert refused.value.status == status


@pytest.mark.anyio
async def test_an_issuer_that_is_away_refuses(make_settings: SettingsFactory) -> None:
    settings = make_settings(gateway={"oidc": {"issuer": "http://127.0.0.1:1"}})
    with pytest.raises(RefusedCallerError) as refused:
        await _require(settings, "a.b.c")
    assert refused.value.status == 401


# --------------------------------------------------------------------------- without a key


@pytest.mark.anyio
async def test_without_a_key_only_this_machine_is_served_and_only_under_a_loopback_name(
    make_settings: SettingsFactory,
) -> None:
    callers = Callers(make_settings(gateway={"allow_anonymous": True}))
    assert (await callers.require({"host": "localhost:8060"}, "decide")).name == "anonymous"
    for host in ("evil.example:8060", "", "localhost.evil.example"):
        with pytest.raises(RefusedCallerError) as refused:
            await callers.require({"host": host}, "decide")
        assert refused.value.status == 421
    with pytest.raises(RefusedCallerError) as refused:
        await callers.require({"host": "localhost", "authorization": "Bearer wrong"}, "decide")
    assert refused.value.status == 401


def test_anonymous_callers_need_a_loopback_address(make_settings: SettingsFactory) -> None:
    with pytest.raises(ConfigurationError, match="loopback"):
        make_settings(gateway={"allow_anonymous": True, "host": "0.0.0.0"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_errors_repeat_nothing_of_the_request(offline_gateway: GatewayServer) -> None:
    secret = "4111-1111-1111-1111"
    for sent in (payment(1) | {"timestamp": secret}, payment(1) | {"channel": {"card": secret}}):
        answer = offline_gateway.decide(sent)
        assert answer.status_code == 422
        assert secret not in json.dumps(answer.json())
