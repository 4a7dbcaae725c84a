"""Which command blocks `make test-readme` runs, and how a block is run as a reader would."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.docs.blocks import Block
from tests.test_architecture import ROOT

RUN = (
    "export FRAUD_HOME=$PWD/own",
    "fraud up && fraud replay --transactions payments.csv --columns mapping.yaml",
    "fraud definitions init --from payments.csv --mapping fields.yaml",
    "make setup && source .venv/bin/activate",
    "fraud orchestrate",
    "fraud down --all",
)
"""The first command of each block that is run."""

NOT_RUN = {
    "make demo": "tests/deployments/demo runs the demo; the other lines are this test suite",
    "make check": "this test suite",
    "fraud policy backtest policy.yaml --days 30": "needs a policy of the reader and days of decisions; "
    "tests/deployments/cli/decisions runs these commands",
    "export KEY=$(fraud gateway key create --name shop --scope decide)": "needs the gateway; "
    "tests/serving/gateway asks it",
    "FRAUD_KAFKA__BOOTSTRAP_SERVERS=kafka.example.com:9093": "settings of the reader's own servers",
}
"""The first command of each block that is not run, and why."""

UNTIL_STOPPED = (
    "fraud watch",
    "fraud simulate --cards 3000 --speed",
    "prefect worker start",
    "python flows/serve.py",
)
"""Commands that a reader ends; they run beside the others for so long."""
STOPPED_AFTER_S = 240

_FIRST_FLAGGED = """
from fraud.kafka.log import read_topic
from fraud.messages.decoding import MessageReader
from fraud.schema import Prediction
from fraud.settings import load_settings
settings, reader = load_settings(), MessageReader(Prediction)
for batch in read_topic(settings, settings.topics.predictions, 0):
    flagged = [one.transaction_id for one in map(reader.read, batch) if one and one.decision == "review"]
    if flagged:
        print(flagged[-1])
        break
"""


class Reader:
    """A reader's shell: keeps variables between commands, starts what runs until it is stopped beside it.

    Args:
        folder: where it works; the repository's folders are links in it.
        environment: beside this process's, with the commands of the venv first.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        for name in ("flows", "prefect.yaml", ".venv", "Makefile"):
            (folder / name).symlink_to(ROOT / name)
        self._state = folder / ".state"
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path} | environment
        self._beside: list[subprocess.Popen[bytes]] = []

    def run(self, block: Block) -> None:
        """Run each command of a block; one that fails ends the test with its output."""
        for command in block.commands:
            command = self._filled(command)
            if command.startswith(UNTIL_STOPPED):
                self._start(command.removesuffix("&"))
            elif not command.startswith("make setup"):
                self._run(command)

    def stop(self) -> None:
        """End what still runs, as Ctrl-C does."""
        for process in self._beside:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        for process in self._beside:
            process.wait(timeout=60)

    def _script(self, command: str) -> list[str]:
        """The command in a shell with the variables that former ones left."""
        known = f"[ ! -f {self._state} ] || source {self._state}"
        return ["bash", "-c", f"{known}\nset -e\n{command}\nexport -p > {self._state}"]

    def _run(self, command: str) -> None:
        done = subprocess.run(
            self._script(command), cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=1_800,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"

    def _start(self, command: str) -> None:
        script = self._script(f"exec timeout -s INT {STOPPED_AFTER_S} {command}")
        with (self.folder / f"beside-{len(self._beside)}.log").open("wb") as log:
            process = subprocess.Popen(
                script, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self._beside.append(process)

    def _filled(self, command: str) -> str:
        """What a reader puts in: the newest version, a flagged payment."""
        if "VERSION" in command:
            command = command.replace(
                "VERSION", json.loads(self._output("fraud models --json"))[0]["version"]
            )
        if "TRANSACTION_ID" in command:
            command = command.replace("TRANSACTION_ID", self._flagged())
        return command

    def _flagged(self) -> str:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if found := self._output(f"python -c '{_FIRST_FLAGGED}'").strip():
                return found
            time.sleep(2)
        raise AssertionError("no payment was flagged")

    def _output(self, command: str) -> str:
        return subprocess.run(
            self._script(command), cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=True, timeout=300,
        ).stdout  # fmt: skip
