"""Grafana's boards: the committed ones are those of the code, and their queries mean something."""

import json
import re
from typing import Any

import pytest
import yaml

from deployments.grafana.__main__ import FOLDER, as_text, boards
from deployments.grafana.board import Board
from deployments.grafana.engine import engine
from deployments.grafana.panels import Panel
from fraud.settings import ServingSettings, Settings
from tests.monitoring.prometheus import FOREIGN, ROOT, alerts, exported_metrics, named_metrics
from tests.monitoring.reports import full_report

BOARDS = boards()
every_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


@every_board
def test_the_committed_board_is_the_one_that_the_code_makes(board: Board) -> None:
    assert (FOLDER / f"{board.name}.json").read_text() == as_text(board), "run `make boards`"


def test_no_other_board_is_committed() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {board.name for board in BOARDS}


@every_board
def test_queries_ask_for_exported_metrics(board: Board, local_settings: Settings) -> None:
    exported = exported_metrics(local_settings, full_report())
    for panel in board.panels:
        for query in panel.queries:
            asked = {name for name in named_metrics(query.expr) if not name.startswith(FOREIGN)}
            assert asked <= exported, panel.title


@every_board
def test_panels_tile_the_board(board: Board) -> None:
    # given the places that each panel covers
    taken: set[tuple[int, int]] = set()
    for panel in board.as_json()["panels"]:
        place = panel["gridPos"]
        covers = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        # then none lies on another or beyond the edge
        assert not covers & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= covers
    assert len({panel["id"] for panel in board.as_json()["panels"]}) == len(board.as_json()["panels"])


@pytest.mark.parametrize(
    ("board", "panel"),
    [(board, panel) for board in BOARDS for panel in board.panels if panel.kind != "text"],
    ids=lambda one: getattr(one, "name", None) or one.title,
)
def test_a_panel_says_how_to_read_it(board: Board, panel: Panel) -> None:
    assert panel.description.endswith(".")
    assert panel.queries
    assert panel.thresholds[0][0] is None
    variables = {one["name"] for one in board.as_json()["templating"]["list"]} | {"__rate_interval"}
    for query in panel.queries:
        assert set(re.findall(r"\$(\w+)", query.expr)) <= variables


@every_board
def test_boards_lead_to_each_other_and_to_the_runbook(board: Board) -> None:
    made = board.as_json()
    assert made["uid"] == f"fraud-{board.name}"
    assert [link["type"] for link in made["links"]] == ["dashboards", "link"]
    assert made["links"][0]["tags"] == made["tags"]
    assert made["links"][1]["url"] in {f"/d/{other.as_json()['uid']}" for other in BOARDS}


def test_the_runbook_s_board_has_every_alert() -> None:
    (runbook,) = [board for board in BOARDS if board.name == "runbook"]
    assert {panel.title for panel in runbook.panels} == {rule["alert"] for rule in alerts()}
    assert not re.search(r"\]\((?!http)", json.dumps(runbook.as_json())), "a link that leads nowhere"


def test_compose_gives_grafana_the_boards_and_prometheus_the_rules() -> None:
    # given
    compose: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())
    mounted = {
        name: dict(volume.split(":")[:2] for volume in service.get("volumes", []) if volume.startswith("."))
        for name, service in compose["services"].items()
    }
    configs = {name: one["content"] for name, one in compose["configs"].items()}
    # then the configured paths are the mounted ones
    (provider,) = yaml.safe_load(configs["boards"])["providers"]
    assert mounted["grafana"] == {"../k8s/chart/files/boards": provider["options"]["path"]}
    (pattern,) = yaml.safe_load(configs["prometheus"])["rule_files"]
    assert mounted["prometheus"] == {"../k8s/chart/files/rules": pattern.removesuffix("/*.yaml")}
    # and the workers' job is the one that rules and boards name
    jobs = {one["job_name"] for one in yaml.safe_load(configs["prometheus"])["scrape_configs"]}
    assert jobs == {"fraud-serving", "fraud-gateway", "fraud-webhooks", "fraud-pushgateway"}


def test_the_engines_board_names_the_batch_size_of_the_settings() -> None:
    (panel,) = [one for one in engine().panels if one.title == "Payments in a micro-batch"]
    assert f"({ServingSettings().batch_size:,})" in panel.description
