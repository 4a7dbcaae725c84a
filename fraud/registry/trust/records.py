"""The signed record of a promotion: which files have which alias, since when, and by whom.

It is a tag of the version, `promotion_record.ALIAS`, and is written before the alias moves. Anyone who can
write to MLflow, and has no key, cannot make one.
"""

from collections.abc import Iterable, Mapping

import msgspec

from fraud.errors import SignatureError, UntrustedModelError
from fraud.signing.keys import TrustedKeys
from fraud.signing.signers import Signer

_TAG = "promotion_record."


class PromotionStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed.

    Attributes:
        model: the registered model's name.
        alias: that the version gets.
        version: the registry's number.
        files: `BundleFiles.digest`.
        digest: `ModelBundle.digest`, which identifies the model in predictions.
        sequence: greater than that of any former promotion to the alias; ms since 1970.
        by: who promotes.
        proposed_by: who asked for it first, where two people must; or empty.
    """

    model: str
    alias: str
    version: str
    files: str
    digest: str
    sequence: int
    by: str
    proposed_by: str = ""


_DECODER = msgspec.json.Decoder(PromotionStatement)


def record_tag(alias: str) -> str:
    """The name of the version's tag."""
    return f"{_TAG}{alias}"


def signed_record(signer: Signer, statement: PromotionStatement) -> str:
    """The statement with its signature, as the tag holds it."""
    content = msgspec.json.encode(statement)
    return f"{signer.sign('promotion', content)} {content.decode()}"


def read_record(keys: TrustedKeys, record: str) -> PromotionStatement:
    """The statement of a record whose signature counts.

    Raises:
        SignatureError: there is no record, or it is not signed by one of the keys.
    """
    signature, _, content = record.partition(" ")
    keys.verify("promotion", content.encode(), signature)
    try:
        return _DECODER.decode(content)
    except msgspec.DecodeError:
        raise SignatureError("has a signed record of another release") from None


def require_record(
    keys: TrustedKeys, record: str, model: str, alias: str, version: str
) -> PromotionStatement:
    """The statement of a record that is about this version with this alias.

    Raises:
        UntrustedModelError: it is not.
    """
    subject = f"version {version} of model {model!r}"
    try:
        found = read_record(keys, record)
    except SignatureError as error:
        raise UntrustedModelError(
            f"{subject} {error} as {alias}; somebody who has the key promotes it, `fraud promote {version}`, "
            "or signs what has the aliases already, `fraud promote --sign-current`"
        ) from None
    if (found.model, found.alias, found.version) != (model, alias, version):
        raise UntrustedModelError(
            f"{subject} has the signed record of version {found.version} of {found.model!r} as "
            f"{found.alias}, which somebody copied; promote version {version} with `fraud promote`"
        )
    return found


def newest_sequence(keys: TrustedKeys, model: str, alias: str, tags: Iterable[Mapping[str, str]]) -> int:
    """The highest sequence of the alias's records that count, in the tags of all versions; 0 without any."""
    return max((one.sequence for one in _statements(keys, model, tags) if one.alias == alias), default=0)


def records_of(
    keys: TrustedKeys, model: str, version: str, tags: Mapping[str, str]
) -> list[PromotionStatement]:
    """The statements about a version, with any alias, among its tags."""
    return [one for one in _statements(keys, model, [tags]) if one.version == version]


def _statements(
    keys: TrustedKeys, model: str, tags: Iterable[Mapping[str, str]]
) -> Iterable[PromotionStatement]:
    for of_version in tags:
        for name, record in of_version.items():
            if name.startswith(_TAG):
                try:
                    found = read_record(keys, record)
                except SignatureError:
                    continue
                if found.model == model:
                    yield found
