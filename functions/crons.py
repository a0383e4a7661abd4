"""What the app does by itself, again and again."""

from functions import archive, flags, trials, upkeep
from functions._retention import COMPACT_LOOK, ORPHAN_LOOK, TRIAL_LOOK
from reactive import Crons

crons = Crons()

crons.interval("end orphaned streams", ORPHAN_LOOK, upkeep.end_orphans)
crons.hourly("end stale messages", upkeep.end_stale_messages)
crons.interval("archive streams", COMPACT_LOOK, archive.compact)
crons.daily("forget what is old", archive.expire, hour=3)
crons.interval("watch over the trial", TRIAL_LOOK, trials.watch_over)
crons.daily("forget old samples", trials.expire, hour=3)
crons.daily("forget old decisions", flags.forget, hour=3)
