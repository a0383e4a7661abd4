"""Every interval and bound of `upkeep`, `archive` and `trials`."""

from datetime import timedelta

ORPHAN_LOOK = timedelta(seconds=5)
"""How often streams are looked for that nobody writes any more."""

ORPHANS_LOOKED_AT = 200  # of each state, those whose lease ends first

STALE_AFTER = timedelta(hours=1)
"""An answer whose message was not touched for so long, and that no stream is writing, is over."""

STALE_AT_ONCE = 100

COMPACT_LOOK = timedelta(minutes=1)
COMPACT_AFTER = timedelta(minutes=10)
"""So long after its end a log becomes an archive."""

COMPACTED_AT_ONCE = 100
ARCHIVE_CHARACTERS = 600_000  # of JSON in one archive's row; a document may have a megabyte
ROWS_DELETED_AT_ONCE = 500

ARCHIVE_AGE = timedelta(days=30)
"""How long a log can be read; message, parts and usage stay."""

EXPIRED_AT_ONCE = 500
MISMATCHES_KEPT = 100  # of one day, named in its report
DIFFERENCES_KEPT = 10  # of one answer

TRIAL_LOOK = timedelta(seconds=15)
"""How often the rule for giving the new path up is applied."""

DECISION_AGE = timedelta(days=30)
"""How long it is known what a user got of a flag, and why."""

SAMPLES_SHOWN = 2_000  # the newest, which a trial's report and rule look at
SAMPLE_AGE = timedelta(days=30)
ALERTS_SHOWN = 20
RECEIPT_EVENTS = 1_000  # in one receipt of a client
RECEIPTS_KEPT = 4  # of one stream
