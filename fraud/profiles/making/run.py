"""One run: from the lake's transactions and labels to the topic."""

from datetime import datetime

from fraud.lake import Lake
from fraud.preprocess.plan import LakeIndex
from fraud.profiles.making.figures import figures_at, newest_moment
from fraud.profiles.making.publish import Publication, publish_figures
from fraud.settings import Settings


def make_and_publish(settings: Settings, lake: Lake, now: datetime) -> Publication:
    """Publish the profiles of the newest moment; what the lake lacks for them is made first.

    Each step can be repeated: a run that was cut off anywhere is finished by the next.

    Raises:
        UnreachableError: Kafka does not answer, or the topic is missing.
        DataError: the lake has no transactions, or a file of it is broken.
    """
    definitions = settings.loaded_definitions
    index = LakeIndex.of_transactions(lake)
    moment = newest_moment(definitions, index, int(now.timestamp() * 1_000))
    figures = figures_at(definitions, lake, moment, settings.labels, index)
    return publish_figures(settings, lake, moment, figures)
