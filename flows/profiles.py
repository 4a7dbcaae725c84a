"""Lake → profiles of ids and categories as of the newest moment, and to serving; every few minutes."""

from prefect import flow

from flows.entry import run_flow
from flows.ingest import ingest
from flows.runs import completed, keep_result, run_name
from fraud.profiles.making.publish import Publication
from fraud.settings import load_settings
from fraud.telemetry import flow_span
from tasks.profiles import publish_field_profiles


@flow(name="profiles", flow_run_name=run_name, on_completion=[keep_result])
def profiles() -> Publication | None:
    """Ingest what is new and publish the profiles that changed; definitions without profiles need nothing."""
    settings = load_settings()
    if not settings.loaded_definitions.profile_features:
        return completed(None, f"{settings.loaded_definitions.source} has no profiles of ids or categories")
    with flow_span(settings, "profiles"):
        ingest()
        published = publish_field_profiles(settings)
        return completed(published, str(published))


if __name__ == "__main__":
    run_flow(profiles)
