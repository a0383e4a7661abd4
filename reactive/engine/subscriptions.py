"""Who must be told about a commit.

Ranges are filed by what commits can be looked up by: the index, the number of leading components
that are equal throughout the range, and those components. A changed key is looked up once for
each number of components in use, however many subscriptions there are; only ranges that share
their equality part are compared one by one (`IntervalMap`; one that is alone there, as most are,
is a tuple). Searches are filed by their filters and words (`TextReads`). `probes` counts the
look-ups.
"""

from typing import Generic, TypeAlias, TypeVar

from reactive.engine.interval_map import IntervalMap
from reactive.engine.text_reads import TextReads
from reactive.values.document import CommitEntry, Revision
from reactive.values.keys import IndexKey
from reactive.values.ranges import ReadSet

Owner = TypeVar("Owner")
_Place: TypeAlias = IntervalMap[Owner] | tuple[Owner, bytes, bytes]
_Depths: TypeAlias = dict[int, dict[bytes, _Place[Owner]]]


class SubscriptionIndex(Generic[Owner]):
    """The read sets of all that want to hear of changes."""

    def __init__(self) -> None:
        self._reads: dict[Owner, ReadSet] = {}
        self._by_index: dict[int, _Depths[Owner]] = {}
        self._texts: dict[int, TextReads[Owner]] = {}
        self.probes = 0

    def __len__(self) -> int:
        return len(self._reads)

    def add(self, owner: Owner, reads: ReadSet) -> None:
        """Files the owner under a read set, instead of the one it had."""
        self.remove(owner)
        self._reads[owner] = reads
        for index, depth, prefix, lower, upper in reads:
            places = self._by_index.setdefault(index, {}).setdefault(depth, {})
            place = places.get(prefix)
            if place is None:
                places[prefix] = owner, lower, upper
                continue
            if isinstance(place, tuple):
                lone, place = place, IntervalMap()
                place.add(*lone)
                places[prefix] = place
            place.add(owner, lower, upper)
        for read in reads.texts:
            texts = self._texts.get(read.number)
            if texts is None:
                texts = self._texts[read.number] = TextReads()
            texts.add(owner, read.search)

    def remove(self, owner: Owner) -> None:
        """Forgets the owner; one that is not filed is no error."""
        reads = self._reads.pop(owner, None)
        if reads is None:
            return
        for index, depth, prefix, _, _ in reads:
            depths = self._by_index.get(index, {})
            place = depths.get(depth, {}).get(prefix)
            if place is None:
                continue
            if isinstance(place, IntervalMap):
                place.remove(owner)
            if isinstance(place, tuple) or not place:
                del depths[depth][prefix]
                if not depths[depth]:
                    del depths[depth]
                if not depths:
                    del self._by_index[index]
        for read in reads.texts:
            texts = self._texts.get(read.number)
            if texts is not None:
                texts.remove(owner, read.search)
                if not texts:
                    del self._texts[read.number]

    def clear(self) -> list[Owner]:
        """Forgets everybody, and tells who they were."""
        everybody = list(self._reads)
        self._reads.clear()
        self._by_index.clear()
        self._texts.clear()
        return everybody

    def touched(self, entry: CommitEntry) -> set[Owner]:
        """The owners whose read set the commit changed."""
        hit: set[Owner] = set()
        for revision in entry.revisions:
            for at, index in enumerate(revision.indexes):
                depths = self._by_index.get(index)
                if depths is None:
                    continue
                before = revision.before_keys[at] if revision.before_keys else None
                after = revision.after_keys[at] if revision.after_keys else None
                if before is not None:
                    self._probe(depths, before, hit)
                if after is not None and (before is None or after.joined != before.joined):
                    self._probe(depths, after, hit)
            if self._texts:
                self._probe_texts(revision, hit)
        return hit

    def _probe_texts(self, revision: Revision, hit: set[Owner]) -> None:
        entries = revision.before_texts
        if revision.after_texts != entries:
            entries += revision.after_texts
        for entry in entries:
            texts = self._texts.get(entry.number)
            if texts is not None:
                self.probes += texts.probe(entry, hit)

    def _probe(self, depths: _Depths[Owner], key: IndexKey, hit: set[Owner]) -> None:
        for depth, places in depths.items():
            self.probes += 1
            parts = key.parts
            prefix = key.joined if depth == len(parts) else b"".join(parts[:depth])
            place = places.get(prefix)
            if isinstance(place, IntervalMap):
                hit.update(place.containing(key.joined))
            elif place is not None and place[1] <= key.joined < place[2]:
                hit.add(place[0])
