"""The commands of `fraud`: name, module and summary of each, in the order of the help.

A command is the function of its name in its module, or, for a group of commands, the module's `app`. The
module is imported when the command runs, so that `fraud --help` imports none of the libraries.
"""

from typing import NamedTuple


class CommandEntry(NamedTuple):
    """A command, declared: `module` is relative to this package."""

    name: str
    module: str
    summary: str


PANELS: dict[str, tuple[CommandEntry, ...]] = {
    "This machine": (
        CommandEntry(
            "demo",
            "stack.demo",
            "Run the whole loop: history, training, live scoring, a model swapped on the way.",
        ),
        CommandEntry(
            "up", "stack.up", "Start Kafka, MLflow, Prefect and the dashboard, or what is missing of them."
        ),
        CommandEntry(
            "down",
            "stack.down",
            "Stop what `up` started and name what else runs (--all ends it); the data stay.",
        ),
        CommandEntry(
            "status",
            "stack.status",
            "Show what runs and where, the champion; exits with 1 unless all servers are ready.",
        ),
        CommandEntry("env", "stack.env", 'Print the stack\'s addresses for a shell: eval "$(fraud env)".'),
        CommandEntry(
            "doctor", "stack.doctor", "Check all that the system needs; each failure with its remedy."
        ),
    ),
    "Monitoring": (
        CommandEntry(
            "dashboard",
            "stack.dashboard",
            "Serve the web dashboard; `fraud dashboard user` manages who may log in.",
        ),
        CommandEntry(
            "watch",
            "stack.watch",
            "Watch scoring in this terminal: traffic, latency, model, alerts; until Ctrl-C.",
        ),
    ),
    "Data": (
        CommandEntry(
            "definitions",
            "definitions.definitions",
            "Check, show, compare or start the file that says what a payment is and what is computed of it.",
        ),
        CommandEntry(
            "cards",
            "data.cards",
            "Keys that make pseudonyms of card numbers: make one, change it, look a number up.",
        ),
        CommandEntry("topics", "kafka.topics", "Create Kafka's topics."),
        CommandEntry("acl", "kafka.acl", "Show and grant the least permissions of each identity on Kafka."),
        CommandEntry(
            "rates", "data.rates", "Put daily exchange rates on Kafka's topic, and show what it has."
        ),
        CommandEntry(
            "simulate",
            "data.simulate",
            "Simulate card holders, merchants and thieves: past days, live payments, or both.",
        ),
        CommandEntry(
            "inspect",
            "data.inspect",
            "Look at your own data: format, columns, what is suspicious, and a mapping to start from.",
        ),
        CommandEntry(
            "replay",
            "data.replay",
            "Replay your own data: every row is checked, sorted by event time, and published or rejected.",
        ),
        CommandEntry(
            "redrive", "data.redrive", "Put dead letters back, each exactly once, when their cause is fixed."
        ),
        CommandEntry(
            "forget",
            "privacy.forget",
            "Remove a card from every store, and say what cannot be removed, until when and why.",
        ),
    ),
    "Decisions": (
        CommandEntry(
            "policy",
            "decisions.policy",
            "Check, propose, approve and roll back the policy: bands, rules and lists that decide.",
        ),
        CommandEntry(
            "list",
            "decisions.lists",
            "Block and trust cards, merchants, devices: entries of the lists that a policy uses.",
        ),
        CommandEntry(
            "gateway",
            "decisions.gateway",
            "Answer payments over HTTP with their decisions; `fraud gateway key` manages who may call.",
        ),
        CommandEntry(
            "webhooks",
            "decisions.webhooks",
            "Send declines, challenges and reviews to your own addresses, signed and until they are taken.",
        ),
    ),
    "Models": (
        CommandEntry(
            "models",
            "models.models",
            "List the model versions: aliases, metrics, and why each was promoted or not.",
        ),
        CommandEntry(
            "shadow",
            "models.shadow",
            "Compare the challenger's scores in shadow with the champion's, on labels that have matured.",
        ),
        CommandEntry(
            "explain",
            "models.explain",
            "Explain a prediction: decision, reasons, features, and the model, run, code and data behind it.",
        ),
        CommandEntry(
            "promote",
            "models.promote",
            "Give a version the alias; it is loaded and checked first, and engines swap within seconds.",
        ),
        CommandEntry(
            "rollback",
            "models.rollback",
            "Put the previous champion back; the engines swap to it within seconds.",
        ),
    ),
    "Deployment": (
        CommandEntry(
            "orchestrate",
            "stack.orchestrate",
            "Create or update the work pools and the automations of the Prefect server.",
        ),
        CommandEntry(
            "secrets",
            "stack.secrets",
            "Write generated secrets for the compose file; those that it has already stay as they are.",
        ),
    ),
}
"""Panels of the help, and the commands of each."""

COMMANDS = {command.name: command for commands in PANELS.values() for command in commands}
