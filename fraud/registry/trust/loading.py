"""Loading of versions that are trusted; native code reads nothing before the signature is checked."""

from dataclasses import replace

from fraud.errors import SignatureError, UntrustedModelError
from fraud.registry.bundle import ModelBundle, check_compatible, parse_bundle
from fraud.registry.bundle_files import BundleFiles
from fraud.registry.trust.records import newest_sequence, read_record, records_of, require_record
from fraud.registry.trust.thresholds import check_threshold
from fraud.registry.versions import fetch_bundle, fetch_files, version_tags
from fraud.settings import Settings
from fraud.signing.keys import trusted_keys


def check_bundle(settings: Settings, bundle: ModelBundle) -> ModelBundle:
    """The bundle, if it can serve: its features are computed, its scores those of its training.

    Raises:
        IncompatibleModelError: it cannot.
    """
    return check_threshold(settings, check_compatible(bundle, settings.loaded_definitions).verify())


def load_bundle(settings: Settings, version: str) -> ModelBundle:
    """Download, read and check a version that need not be promoted yet.

    Raises:
        IncompatibleModelError: it must not serve.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    return check_bundle(settings, fetch_bundle(settings, version))


def load_promoted(
    settings: Settings, alias: str, version: str, record: str, newest_known: int = 0
) -> ModelBundle:
    """Download, read and check the version that an alias names, by the signed record of its promotion.

    Args:
        settings: of the registry and of the keys that are trusted.
        alias: that was asked for.
        version: that it names.
        record: the version's record for the alias; empty without one.
        newest_known: the highest sequence of the alias that was accepted before.

    Raises:
        UntrustedModelError: it was not promoted by somebody who has a key, or another one was later.
        IncompatibleModelError: it must not serve.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    return check_bundle(settings, fetch_promoted(settings, alias, version, record, newest_known))


def fetch_promoted(
    settings: Settings, alias: str, version: str, record: str, newest_known: int = 0
) -> ModelBundle:
    """What `load_promoted` loads, also one of features that nothing computes.

    Raises:
        UntrustedModelError: it was not promoted by somebody who has a key, or another one was later.
        IncompatibleModelError: this project did not make it, or it is broken.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    keys = trusted_keys(settings)
    if keys is None:
        return fetch_bundle(settings, version)
    model = settings.registry.model_name
    statement = require_record(keys, record, model, alias, version)
    newest = max(newest_known, newest_sequence(keys, model, alias, version_tags(settings).values()))
    if statement.sequence < newest:
        raise UntrustedModelError(
            f"the alias {alias} of model {model!r} was moved back to version {version} without a promotion; "
            f"move it with `fraud promote {version}` or `fraud rollback`"
        )
    files = fetch_files(settings, version)
    _require_same(files, {statement.files}, version)
    return replace(parse_bundle(files, version), record=record)


def fetch_once_promoted(settings: Settings, version: str, alias: str | None = None) -> ModelBundle:
    """Download and read a version that has, or had, this alias, or any; to look at, not to serve.

    Raises:
        UntrustedModelError: nobody who has a key promoted these files.
        IncompatibleModelError: this project did not make it, or it is broken.
        UnreachableError: MLflow or its artifact store does not answer.
    """
    keys = trusted_keys(settings)
    if keys is None:
        return fetch_bundle(settings, version)
    tags = version_tags(settings).get(version, {})
    records = records_of(keys, settings.registry.model_name, version, tags)
    signed = {one.files for one in records if alias in (None, one.alias)}
    files = fetch_files(settings, version)
    _require_same(files, signed, version)
    return parse_bundle(files, version)


def check_saved(settings: Settings, alias: str, files: BundleFiles, record: str) -> None:
    """See that files that were kept on disk are those of a promotion.

    Raises:
        UntrustedModelError: they are not.
    """
    keys = trusted_keys(settings)
    if keys is None:
        return
    try:
        statement = read_record(keys, record)
    except SignatureError as error:
        raise UntrustedModelError(f"the last good model on disk {error}") from None
    if (statement.model, statement.alias) != (settings.registry.model_name, alias):
        raise UntrustedModelError(
            f"the last good model on disk was promoted as {statement.alias} of {statement.model!r}"
        )
    _require_same(files, {statement.files}, statement.version)


def sequence_of(settings: Settings, record: str) -> int:
    """The sequence of a record that was accepted; 0 without one."""
    keys = trusted_keys(settings)
    return 0 if keys is None or not record else read_record(keys, record).sequence


def _require_same(files: BundleFiles, signed: set[str], version: str) -> None:
    if files.digest not in signed:
        raise UntrustedModelError(
            f"the files of version {version} are not those that were promoted: they were exchanged after "
            "they were signed, or never promoted; train and register the model again"
        )
