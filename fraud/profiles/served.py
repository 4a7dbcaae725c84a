"""Profiles of ids and categories: backtests compute them; nothing publishes them for serving yet."""

from fraud.definitions.definitions import Definitions
from fraud.errors import ConfigurationError


def require_no_profiles(definitions: Definitions) -> None:
    """Stop where serving would need profiles that nobody publishes.

    Raises:
        ConfigurationError: names the feature and what to do.
    """
    for feature in definitions.profile_features:
        raise ConfigurationError(
            f"{definitions.source}: feature {feature.name} comes from a profile of {feature.of[0]}, which "
            "backtests compute but serving does not have yet; leave it out, or use daily_profile"
        )
