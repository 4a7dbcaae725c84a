"""Promotion by two people: the first asks for it, another one asks for the same and so approves it.

The first one's wish is a signed tag of the version, `promotion_proposal.ALIAS`. It is about the files that
the version had then, and is over once the alias has moved.
"""

import msgspec

from fraud.decisions.log.fold import same_person
from fraud.errors import ConfigurationError, DataError, SignatureError
from fraud.registry.bundle import ModelBundle, describe
from fraud.registry.trust.records import newest_sequence
from fraud.registry.versions import tag_version, version_tags
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys
from fraud.signing.signers import find_signer

_TAG = "promotion_proposal."


class PromotionProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the first person asks for; `after` is the sequence of the alias's last promotion until then."""

    model: str
    alias: str
    version: str
    files: str
    after: int
    by: str


def require_second_person(settings: Settings, bundle: ModelBundle, alias: str, by: str) -> str | None:
    """Who asked for the same promotion before; None: nobody, and this wish is kept for the next person.

    Raises:
        ConfigurationError: nobody says who promotes, or there is no key to sign with.
        DataError: the same person asks again.
        UnreachableError: MLflow does not answer.
    """
    if not by.strip():
        raise ConfigurationError(
            "FRAUD_REGISTRY__APPROVALS asks for two people, and nobody says who promotes: give --as NAME"
        )
    wanted = _wanted(settings, bundle, alias, by)
    first = _find_proposal(settings, wanted)
    if first is None:
        tag_version(settings, bundle.version, {proposal_tag(alias): _written(settings, wanted)})
        return None
    if same_person(first.by, by):
        raise DataError(
            f"{by} asked for {describe(bundle)} as {alias} already; another person must approve it"
        )
    return first.by


def proposal_tag(alias: str) -> str:
    """The name of the version's tag."""
    return f"{_TAG}{alias}"


def _wanted(settings: Settings, bundle: ModelBundle, alias: str, by: str) -> PromotionProposal:
    model, keys = settings.registry.model_name, trusted_keys(settings)
    after = newest_sequence(keys, model, alias, version_tags(settings).values()) if keys else 0
    files = bundle.files.digest if bundle.files else ""
    return PromotionProposal(model, alias, bundle.version, files, after, by)


def _find_proposal(settings: Settings, wanted: PromotionProposal) -> PromotionProposal | None:
    """The proposal that the version's tag holds, if it is for the same and its signature counts."""
    text = version_tags(settings).get(wanted.version, {}).get(proposal_tag(wanted.alias), "")
    signature, _, content = text.partition(" ")
    keys = trusted_keys(settings)
    try:
        if keys is not None:
            keys.verify("proposal", content.encode(), signature)
        found = msgspec.json.decode(content, type=PromotionProposal)
    except (SignatureError, msgspec.DecodeError):
        return None
    return found if msgspec.structs.replace(found, by=wanted.by) == wanted else None


def _written(settings: Settings, proposal: PromotionProposal) -> str:
    content = msgspec.json.encode(proposal)
    signer = find_signer(settings)
    return f"{signer.sign('proposal', content) if signer else '-'} {content.decode()}"
