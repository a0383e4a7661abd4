"""`reactive doctor`: what keeps a project from being served, or its clients from reaching it."""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from reactive.cli import doctor_network, doctor_store
from reactive.cli.common import Options, add_project_flags, settings_of
from reactive.cli.findings import Finding, fine, problem
from reactive.errors import ProjectError
from reactive.runtime.loader import load_project
from reactive.runtime.runner import Project
from reactive.settings import Settings, look_at_settings

_STYLES = {"ok": "green", "problem": "bold red", "skipped": "dim"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    doctor = commands.add_parser("doctor", help="look for what is wrong with a project's setup")
    doctor.add_argument("--url", help="a server that should be running, instead of the own port")
    doctor.add_argument(
        "--ping", action="store_true", help="send the model of the settings one small request"
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(command=_doctor)
    add_project_flags(doctor)


def _doctor(options: Options) -> int:
    # What is wrong is told once, as a finding, and not by loggers too.
    logging.getLogger("reactive").addHandler(logging.NullHandler())
    # What a project's modules print when they are imported is no finding.
    folder = Path(options["project"]).resolve()
    findings = [problem("project", "no-folder", f"there is no folder {folder}")]
    if folder.is_dir():
        with contextlib.redirect_stdout(sys.stderr):
            findings = asyncio.run(_examine(folder, options))
    problems = sum(found.status == "problem" for found in findings)
    if options["json"]:
        told = {"ok": problems == 0, "findings": [asdict(found) for found in findings]}
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(findings, problems)
    return 1 if problems else 0


async def _examine(folder: Path, options: Mapping[str, Any]) -> list[Finding]:
    settings, wrong = look_at_settings(folder, settings_of(options))
    project, loaded = _load(folder, settings)
    url = options["url"]
    if url is not None:
        server, is_serving = await doctor_network.check_url(url)
    else:
        server, is_serving = await doctor_network.check_port(settings)
    return [
        loaded,
        *_settings(folder, settings, wrong),
        *await doctor_store.check_store(folder, settings, is_serving=is_serving),
        server,
        *await doctor_network.check_providers(settings, pings=options["ping"]),
        *await doctor_store.check_flags(folder, settings, project),
        *await doctor_network.check_auth(settings),
    ]


def _load(folder: Path, settings: Settings) -> tuple[Project | None, Finding]:
    try:
        project = load_project(folder, settings.case)
    except ProjectError as error:
        return None, problem("project", "not-loaded", error.message)
    functions = len(project.registry)
    if not functions:
        message = f"{folder} has no functions: is it the folder of an app?"
        return project, problem("project", "no-functions", message)
    tables = len(list(project.schema.classes))
    return project, fine("project", f"{folder} loads: {functions} functions, {tables} tables")


def _settings(folder: Path, settings: Settings, wrong: list[str]) -> list[Finding]:
    found = [problem("settings", "wrong-setting", each) for each in wrong]
    if settings.static is not None and not (folder / settings.static).is_dir():
        message = f"setting static: there is no folder {folder / settings.static}"
        found.append(problem("settings", "no-static-folder", message))
    return found or [fine("settings", "all are known, and have values that they may have")]


def _show(findings: list[Finding], problems: int) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for found in findings:
        first, *more = found.message.splitlines()
        named = f"{found.code}: {first}" if found.code else first
        head = (f"{found.status:8}", _STYLES[found.status])
        console.print(Text.assemble(head, f" {found.check:9} {named}"))
        for line in more:
            console.print(Text(f"{'':19}{line}"))
    count = f"{problems} problem" if problems == 1 else f"{problems} problems"
    console.print(Text(count if problems else "all is well"))
