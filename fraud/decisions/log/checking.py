"""What is remarkable about a policy that is to be proposed, also on the payments of yesterday."""

import time
from dataclasses import dataclass

from fraud.decisions.checks.finding import PolicyFinding
from fraud.decisions.checks.policy_check import check_policy, needs_override
from fraud.decisions.inputs import DecisionInputs
from fraud.decisions.policy import Policy
from fraud.decisions.whatif.current import listed_entries
from fraud.decisions.whatif.run import load_inputs, named_values, with_hashed_categories
from fraud.errors import ConfigurationError, DataError, RefusedError, UnreachableError
from fraud.settings import Settings

_DAYS = 2
"""Up to now: the lake may not have today's payments yet."""


class OverrideNeededError(ConfigurationError):
    """A policy has findings for which its author must say that they are meant."""


@dataclass(frozen=True)
class CheckedProposal:
    """Findings on a policy, those that need an override first.

    Attributes:
        findings: on its text and on yesterday's payments.
        unchecked: why yesterday's payments are not known; empty: they are.
    """

    findings: tuple[PolicyFinding, ...]
    unchecked: str

    def require_override(self, override: str) -> None:
        """See that the author gave a reason where one is needed.

        Raises:
            OverrideNeededError: there is none.
        """
        found = list(self.findings)
        if needs_override(found) and not override.strip():
            reasons = "; ".join(str(one) for one in found if one.level == "override")
            raise OverrideNeededError(f"{reasons}; if that is meant, say why: --override-declines REASON")


def check_proposal(settings: Settings, policy: Policy) -> CheckedProposal:
    """The findings, with the predictions and the lake of the settings.

    Raises:
        RefusedError: we may not read predictions or lists.
    """
    try:
        payments, unchecked = _yesterday(settings, policy), ""
        lists = listed_entries(settings)
    except RefusedError:
        raise
    except (DataError, UnreachableError) as error:
        payments, unchecked, lists = None, str(error), None
    # Stored payments have hashes of categories, which the codes of other definitions never equal.
    findings = check_policy(policy, with_hashed_categories(settings.loaded_definitions), payments, lists)
    return CheckedProposal(tuple(findings), unchecked)


def _yesterday(settings: Settings, policy: Policy) -> DecisionInputs:
    named = named_values(settings.loaded_definitions, [policy])
    return load_inputs(settings, named, _DAYS, time.time_ns() // 1_000_000).inputs
