"""`python -m benchmarks.screenshots`: pictures of the dashboard for docs/images, from a real run.

A history is produced, a model is trained on it, a second version scores in shadow, live traffic flows, the
monitor runs, an analyst reviews a few alerts. Finished steps are recorded in the home and not repeated.
"""

import argparse
import io
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from deployments.demo.programs import Programs, flow
from deployments.local.dashboard import LocalDashboard
from deployments.local.stack import Stack
from fraud.kafka.offsets import group_lag
from fraud.kafka.topics import create_topics
from fraud.machine.ending import end_in_order
from fraud.registry.aliases import promote
from fraud.registry.versions import list_versions
from fraud.settings import Settings, load_settings
from serving.dashboard.auth.accounts import Accounts

IMAGES = Path(__file__).parents[1] / "docs" / "images" / "dashboard"
_WORLD = ("--scenario", "demo", "--cards", "2000")
_DAYS, _LIVE_HOURS = 80, 48
_PICTURES_S = 240
"""Of live traffic, while the pictures are taken."""
_TRAINING = {
    "FRAUD_TRAINING__TRAIN_DAYS": "42",
    "FRAUD_TRAINING__VALIDATION_DAYS": "10",
    "FRAUD_TRAINING__TEST_DAYS": "10",
    "FRAUD_TRAINING__SEARCH_FOLDS": "1",
    # Of a history of 4,000 payments a day: what a few analysts can look at.
    "FRAUD_TRAINING__THRESHOLD_POLICY": "capacity",
    "FRAUD_TRAINING__ALERTS_PER_DAY": "20",
    "FRAUD_SERVING__SHADOW": "true",
    # So that minutes of traffic are enough to compute the drift of the features.
    "FRAUD_SERVING__FEATURE_SAMPLE": "0.1",
}
_NOTES = ("called the customer, did not pay this", "card is blocked", "known holiday trip")


@dataclass(frozen=True)
class Shot:
    """A picture: which page, how large, in which colour scheme.

    Attributes:
        of_case: opens an alert.
        follows: of the alert's case, the page behind its first link to one: a card's or a merchant's.
    """

    name: str
    page: str
    size: tuple[int, int] = (1440, 900)
    light: str = "dark"
    of_case: bool = False
    follows: str = ""


SHOTS = (
    Shot("live-dark", "live"),
    Shot("live-light", "live", light="light"),
    Shot("review-dark", "review", of_case=True),
    Shot("review-light", "review", light="light", of_case=True),
    Shot("card", "review", of_case=True, follows="card"),
    Shot("merchant", "review", light="light", of_case=True, follows="merchant"),
    Shot("audit", "audit", size=(1440, 760), light="light"),
    Shot("models", "models", size=(1440, 760)),
    Shot("monitoring", "monitoring", light="light"),
    Shot("phone", "live", size=(390, 844)),
    Shot("phone-case", "review", size=(390, 844), light="light", of_case=True),
)


def main() -> None:
    """Train unless the home has models already, run, take the pictures."""
    end_in_order()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a folder that is reused; by default a temporary one")
    parser.add_argument("--into", type=Path, default=IMAGES)
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="of live traffic before the first picture"
    )
    parser.add_argument("--only-learn", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = options.home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="fraud-pictures-"))
        )
        programs = stack.enter_context(_embedded(home))
        settings = load_settings(home=home)
        _train(settings, programs)
        if options.only_learn:
            return
        address = stack.enter_context(_traffic(settings, programs, options.seconds))
        _take_pictures(settings, address, options.into)


@contextmanager
def _embedded(home: Path) -> Iterator[Programs]:
    servers = Stack(home)
    servers.start()
    try:
        create_topics(load_settings(home=home))
        yield Programs(home, servers.addresses() | _TRAINING | {"FRAUD_HOME": str(home)})
    finally:
        servers.stop()


def _train(settings: Settings, programs: Programs) -> None:
    """A first version, a champion of more trials, and a challenger trained on four weeks."""
    simulate = [
        "-m",
        "deployments.cli",
        "simulate",
        *_WORLD,
        "--days",
        str(_DAYS),
        "--end",
        f"{_LIVE_HOURS}h",
    ]
    _run_once(programs, "history", simulate)
    _run_once(programs, "first", [flow("retrain"), "--trials", "1"])
    _run_once(programs, "champion", [flow("train"), "--trials", "8"])
    _run_once(programs, "challenger", [flow("train"), "--trials", "4", "--days", "28", "--promote", "never"])
    newest = list_versions(settings)[0]
    if not newest.aliases:
        promote(settings, newest.version, "trained on four weeks only; scores in shadow", "challenger")


def _run_once(programs: Programs, name: str, arguments: list[str]) -> None:
    """Run a step unless it was finished in this home before."""
    done = programs.home / f"{name}.done"
    if not done.exists():
        programs.run(name, arguments, _PrintChanges())
        done.touch()


@contextmanager
def _traffic(settings: Settings, programs: Programs, seconds: float) -> Iterator[str]:
    """The engine and live traffic until the context ends; yields the dashboard's address after a while."""
    speed = _LIVE_HOURS * 3_600 / (seconds + _PICTURES_S)
    live = ["-m", "deployments.cli", "simulate", *_WORLD, "--speed", f"{speed:.0f}", "--attacks", "2"]
    dashboard = LocalDashboard(settings.home)
    with programs.running("serving", [flow("serve")]):
        group, topic = settings.serving.group_id, settings.topics.transactions
        _until(lambda: group_lag(settings, group, topic) == 0, "the history is scored")
        with programs.running("live", live):
            try:
                address = dashboard.start(0)
                time.sleep(seconds)
                programs.run("monitor", [flow("monitor")], _PrintChanges())
                yield address
            finally:
                dashboard.stop()


def _take_pictures(settings: Settings, address: str, into: Path) -> None:
    password = secrets.token_urlsafe(12)
    Accounts(settings.home / "dashboard" / "users.json").add("anna", "admin", password)
    into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        state = _logged_in(chromium, address, password)
        _review_alerts(chromium, address, state)
        for shot in SHOTS:
            page = _opened(chromium, address, state, shot)
            _keep(page.screenshot(), into / f"{shot.name}.png")
            page.context.close()
        chromium.close()


def _logged_in(chromium: Browser, address: str, password: str) -> Path:
    """Log in; returns the file with the session cookie."""
    page = chromium.new_page()
    page.goto(address)
    page.fill("input[name=name]", "anna")
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.locator(".headline").wait_for()
    state = Path(tempfile.mkdtemp()) / "state.json"
    page.context.storage_state(path=state)
    page.context.close()
    return state


def _review_alerts(chromium: Browser, address: str, state: Path) -> None:
    """Review a few alerts with the keyboard, in the order of the queue."""
    page = chromium.new_page(storage_state=state)
    page.goto(f"{address}/#/review")
    page.locator(".queue .feed li").first.wait_for()
    page.keyboard.press("j")
    for note, outcome in zip(_NOTES, "ffl", strict=True):
        page.locator(".case .standing.open").wait_for()
        page.keyboard.press("n")
        page.keyboard.type(note)
        page.keyboard.press("Escape")
        page.keyboard.press(outcome)
        page.locator(".toast").wait_for()
        page.wait_for_timeout(500)
    page.context.close()


def _opened(chromium: Browser, address: str, state: Path, shot: Shot) -> Page:
    width, height = shot.size
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.light == "dark" else "light",
        storage_state=state,
        locale="en-GB",
        device_scale_factor=2 if width < 500 else 1,
    )
    page = context.new_page()
    page.goto(f"{address}/#/{shot.page}")
    page.locator("main .panel, main .queue").first.wait_for()
    if shot.of_case:
        page.locator(".queue .feed-open").nth(1).click()
        page.locator(".case .land").wait_for()
    if shot.follows:
        page.locator(f".case a[href^='#/{shot.follows}/']").first.click()
        page.locator("main .subject").wait_for()
    page.wait_for_timeout(2_500)  # the figures come once a second
    return page


def _keep(picture: bytes, path: Path) -> None:
    """As a picture of 256 colours, which is a third of the size and looks the same."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size >> 10} KiB", flush=True)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("there is no Chromium on the PATH; install one")
    return found


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not in time: {what}")
        time.sleep(0.5)
    print(what, flush=True)


class _PrintChanges:
    """Prints a line when it differs from the one before."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str) -> None:
        if text != self._last:
            print(text[:120], flush=True)
            self._last = text


if __name__ == "__main__":
    main()
