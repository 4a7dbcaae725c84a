"""The reasons of the rules that fired for a prediction, as its policy gives them."""

from collections.abc import Mapping

from fraud.decisions.document import parse_policy
from fraud.decisions.log.reading import read_policies
from fraud.errors import FraudError
from fraud.schema import Prediction
from fraud.settings import Settings


def find_rule_reasons(settings: Settings, prediction: Prediction) -> Mapping[str, str]:
    """By name, of all rules of the policy that decided; empty where no rule fired.

    Raises:
        FraudError: the log has another policy under its version, or these definitions cannot read it.
        UnreachableError: Kafka does not answer.
    """
    if prediction.policy is None or not (prediction.rules or prediction.shadow_rules):
        return {}
    version = read_policies(settings).version(int(prediction.policy))
    policy = parse_policy(settings.loaded_definitions, version.text, f"version {version.version}")
    if policy.digest != prediction.policy_digest:
        raise FraudError(
            f"version {version.version} of the policy in the log is {policy.digest}; the one that decided, "
            f"{prediction.policy_digest}, is not in it any more"
        )
    return {rule.name: rule.reason for rule in policy.rules}
