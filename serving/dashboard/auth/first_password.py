"""The first user, and how somebody learns the password: never by a log."""

import os
from pathlib import Path

from fraud.settings import Settings, read_secret_file
from serving.dashboard.auth.accounts import FIRST_USER
from serving.dashboard.auth.passwords import OWASP_COST, ScryptCost
from serving.dashboard.auth.user_admin import administering

FIRST_START = "(first start)"
"""Who adds the first user, in the audit."""


def add_first_user(settings: Settings, *, may_show: bool, cost: ScryptCost = OWASP_COST) -> str | None:
    """Add the first user if there is none, and say in words where the password is; None: nothing to do.

    It is that of the file in the settings. Without one it is made up, and shown where nobody else reads
    along, else written to a file of the home that only its owner can read.

    Args:
        settings: name the home and the file.
        may_show: what is returned goes to a person's terminal.
        cost: of the password's hash.

    Raises:
        ConfigurationError: the file cannot be read, or its password is not allowed.
    """
    if not settings.dashboard.password_login:
        return None
    file = settings.dashboard.first_password_file
    with administering(settings, FIRST_START, cost) as admin:
        if admin.users():
            return None
        given = None if file is None else read_secret_file("FRAUD_DASHBOARD__FIRST_PASSWORD_FILE", file)
        password = admin.add_first(FIRST_USER, given)
    if password is None:
        return None
    if file is not None:
        return f"user {FIRST_USER}, password in {file}"
    if may_show:
        return f"user {FIRST_USER}, password {password}"
    path = settings.home / "dashboard" / "first-password"
    _write(path, password)
    return f"user {FIRST_USER}, password in {path}"


def _write(path: Path, password: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
