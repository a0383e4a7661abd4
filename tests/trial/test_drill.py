"""`reactive trial`: the drill as a process, with the files that it writes, and the report."""

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from reactive.cli.trial_files import markdown, picture
from tests.server import REACTIVE, ServerProcess, environment, run_reactive
from tests.upkeep.world import ROOT

KEY = "secret"
FLIPS = 10
SVG = "{http://www.w3.org/2000/svg}"
PATHS = {"legacy", "reactive"}


def drill(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`reactive trial drill`, which takes longer than other commands do."""
    return subprocess.run(
        [str(REACTIVE), "trial", "drill", "--project", str(ROOT), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a drill that has passed."""
    out = tmp_path_factory.mktemp("drill") / "out"
    done = drill("--out", str(out), "--flips", str(FLIPS), "--streams", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 events lost, 0 doubled" in done.stdout
    assert {"report.md", "report.json", "latency.svg"} == {each.name for each in out.iterdir()}
    return out


def loaded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_report_has_every_flip_and_every_answer(drilled: Path) -> None:
    report = loaded(drilled)

    assert FLIPS == len(report["flips"])
    assert all(flip["underWay"] for flip in report["flips"])
    revisions = [flip["revision"] for flip in report["flips"]]
    assert sorted(set(revisions)) == revisions
    assert report["passed"]
    assert report["moves"] >= FLIPS
    assert (0, 0) == (report["lost"], report["doubled"])
    assert len(report["streams"]) >= 2
    for stream in report["streams"]:
        assert {"moving": "identical", "reactive": "identical"} == stream["classes"]
        assert stream["events"] > 10
        assert stream["moves"] >= 1
    assert 2 * len(report["streams"]) == sum(report["classes"].values())


def test_both_latencies_are_of_the_same_events(drilled: Path) -> None:
    latency = loaded(drilled)["latency"]

    assert set(latency) == PATHS
    assert latency["legacy"]["events"] == latency["reactive"]["events"] > 0
    for figures in latency.values():
        assert 0 <= figures["p50"] <= figures["p95"] <= figures["p99"] <= figures["max"]


def test_server_has_measured_both(drilled: Path) -> None:
    report = loaded(drilled)
    trial = report["trial"]

    assert {
        "key",
        "streams",
        "classes",
        "latency",
        "errors",
        "fallbacks",
        "rollbacks",
    } == set(trial)
    assert trial["streams"] == len(report["streams"])
    wrong = {"missing", "extra", "reordered", "terminalMismatch", "storedMismatch"}
    assert not any(trial["classes"][kind] for kind in wrong)
    assert all(trial["latency"][path]["p95"] > 0 for path in PATHS)
    costs = report["measured"]["paths"]
    # The same answers, told to both.
    assert costs["legacy"]["deliveries"] == costs["reactive"]["deliveries"] > 0
    assert costs["legacy"]["rows"] == costs["reactive"]["rows"] > 0
    assert all(cost["bytes"] > 0 and cost["executions"] > 0 for cost in costs.values())


def test_markdown_says_the_same(drilled: Path) -> None:
    text = (drilled / "report.md").read_text()

    assert text == markdown(loaded(drilled))
    assert text.startswith("# Drill of the flag `realtime`: passed\n")
    assert "**Lost: 0, doubled: 0.**" in text
    assert "![Latencies of both paths](latency.svg)" in text


def test_picture_has_both_distributions(drilled: Path) -> None:
    root = ET.parse(drilled / "latency.svg").getroot()
    report = loaded(drilled)

    for path in PATHS:
        bars = root.findall(f"{SVG}rect[@class='{path}']")
        assert len(bars) == len(report["histograms"][path])
        assert all(float(bar.attrib["height"]) > 0 for bar in bars)
    legend = [text.text or "" for text in root.findall(f"{SVG}text")]
    assert all(any(text.startswith(f"{path}: p50") for text in legend) for path in PATHS)


def test_picture_of_nothing() -> None:
    none = {"p50": None, "p95": None, "p99": None, "events": 0}

    root = ET.fromstring(picture({path: [] for path in PATHS}, dict.fromkeys(PATHS, none)))

    assert [] == root.findall(f"{SVG}rect[@class]")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drill", "--flips", "9"], "--flips must be 10 at least"),
        (["drill", "--streams", "0"], "--streams must be 1 at least"),
        (["drill", "--url", "ftp://x"], "ftp"),
        (["drill", "--out", "pyproject.toml"], "--out: cannot write to pyproject.toml"),
        (["drill", "--out", "pyproject.toml/trial"], "--out: cannot write to pyproject.toml/trial"),
    ],
)
def test_what_cannot_be(arguments: list[str], message: str) -> None:
    done = run_reactive("trial", *arguments, cwd=ROOT)

    assert 1 == done.returncode
    assert message in done.stderr


def test_report_in_the_terminal_and_a_drill_that_cannot_be(tmp_path: Path) -> None:
    with ServerProcess(ROOT, tmp_path / "data.sqlite3", flags=["--admin-key", KEY]) as server:
        there = ("--url", server.url, "--admin-key", KEY)
        run_reactive("run", "flags:set", '{"key": "realtime", "enabled": false}', *there, cwd=ROOT)
        killed = drill("--out", str(tmp_path / "out"), *there)
        run_reactive("run", "flags:set", '{"key": "realtime", "enabled": true}', *there, cwd=ROOT)
        kept = run_reactive("run", "flags:get", '{"key": "realtime"}', *there, cwd=ROOT)
        shown = run_reactive("trial", "report", "--url", server.url, "--admin-key", KEY, cwd=ROOT)
        refused = run_reactive("trial", "report", "--url", server.url, cwd=ROOT)

    assert 0 == shown.returncode, shown.stderr
    assert "realtime: 0 streams, 0 errors, 0 fallbacks, 0 rollbacks" in shown.stdout
    assert "terminalMismatch" in shown.stdout
    assert 1 == killed.returncode
    assert "the flag realtime stays 'legacy' (DISABLED)" in killed.stderr
    assert ("reactive", "DEFAULT") == tuple(
        json.loads(kept.stdout)[name] for name in ("variant", "reason")
    ), "nothing is left of the drill"
    assert 1 == refused.returncode
    assert "trials:report" in refused.stderr
