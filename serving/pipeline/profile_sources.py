"""What serving has of compacted topics: profiles in tables of the loop, and rates of the base currency."""

from fraud.profiles.values import NO_MOMENT
from fraud.settings import Settings
from serving.ops.metrics import Metrics
from serving.pipeline.field_profiles import ServedProfiles
from serving.pipeline.profile_runs import ProfileRunReader
from serving.pipeline.profiles import ProfileReader, ProfileTable
from serving.pipeline.rates_reader import rates_follower
from serving.pipeline.topic_follower import FollowedTopics


class ProfileSources(FollowedTopics):
    """The merchants' daily profiles, those of ids and categories and the rates where definitions have some.

    Attributes:
        daily: of merchants.
        of_fields: of ids and categories, or None.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        definitions = settings.loaded_definitions
        self._metrics = metrics
        self._every_ms = definitions.profile_every_ms
        self.daily = ProfileTable()
        self._reader = ProfileReader(settings)
        rates = rates_follower(settings)
        followers = [self._reader.follower, *([rates] if rates else [])]
        self.of_fields: ServedProfiles | None = None
        self._run_reader: ProfileRunReader | None = None
        if definitions.profile_features:
            self.of_fields, self._run_reader = ServedProfiles(definitions), ProfileRunReader(settings)
            followers.append(self._run_reader.follower)
        super().__init__(followers)

    def apply_pending(self) -> None:
        """Take over what was read since the last call; between two micro-batches."""
        self._reader.apply_pending(self.daily)
        if self._run_reader is not None and self.of_fields is not None:
            for run in self._run_reader.pending():
                self.of_fields.apply(run)

    @property
    def problem(self) -> str:
        """What a status adds while payments are scored without profiles of ids and categories; or nothing."""
        is_missing = self.of_fields is not None and self.of_fields.moment == NO_MOMENT
        return ", without profiles of ids and categories: no run of them is complete" if is_missing else ""

    def update_gauges(self) -> None:
        """Set the gauges of sizes and ages."""
        self._metrics.pipeline.profiles.set(len(self.daily))
        if self.of_fields is not None:
            moment_ms = self.of_fields.moment * self._every_ms
            self._metrics.field_profiles.set_tables(self.of_fields.sizes(), moment_ms)
