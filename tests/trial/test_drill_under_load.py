"""A drill with more readers and more flips than any other test has."""

import json
from pathlib import Path

import pytest

from tests.trial.test_drill import drill

FLIPS, STREAMS = 40, 16


@pytest.mark.timeout(300)
def test_nothing_is_lost_under_load(tmp_path: Path) -> None:
    done = drill("--out", str(tmp_path), "--flips", str(FLIPS), "--streams", str(STREAMS))

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert FLIPS == len(report["flips"])
    assert len(report["streams"]) >= STREAMS
    assert report["moves"] >= FLIPS * STREAMS / 2
    assert (0, 0) == (report["lost"], report["doubled"])
    assert 0 == report["trial"]["rollbacks"]
