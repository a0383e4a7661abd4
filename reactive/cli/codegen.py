"""`reactive codegen`: writes TypeScript types for front ends."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from reactive.cli.common import Options, add_project_flags, project_of
from reactive.codegen.files import generate
from reactive.errors import ProjectError
from reactive.runtime.loader import load_project

_DEFAULT_FOLDER = "_generated"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    codegen = commands.add_parser("codegen", help="write TypeScript types for front ends")
    codegen.add_argument(
        "--out", type=Path, help=f"folder of the files ({_DEFAULT_FOLDER} in the app's folder)"
    )
    codegen.add_argument(
        "--check", action="store_true", help="write nothing; fail when the files are out of date"
    )
    codegen.set_defaults(command=_codegen)
    add_project_flags(codegen)


def _codegen(options: Options) -> int:
    folder, settings = project_of(options)
    out = folder / _DEFAULT_FOLDER if options["out"] is None else options["out"]
    generated = generate(load_project(folder, settings.case))
    for line in generated.warnings:
        print(f"reactive: warning: {line}", file=sys.stderr)
    stale = _stale(out, generated.files)
    if options["check"]:
        for name in stale:
            print(f"{out / name} is out of date: run `reactive codegen`", file=sys.stderr)
        return 1 if stale else 0
    _write(out, {name: generated.files[name] for name in stale})
    print(f"{', '.join(generated.files)} in {out}: {len(stale)} written")
    return 0


def _stale(out: Path, files: Mapping[str, str]) -> list[str]:
    """The names of the files that are missing or have another text."""
    try:
        return [
            name
            for name, text in files.items()
            if not (out / name).exists() or (out / name).read_bytes() != text.encode()
        ]
    except OSError as error:
        raise ProjectError(f"cannot read {error.filename}: {error.strerror}") from error


def _write(out: Path, files: Mapping[str, str]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_bytes(text.encode())
    except OSError as error:
        raise ProjectError(f"cannot write {error.filename}: {error.strerror}") from error
