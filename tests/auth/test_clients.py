"""Convex's own clients, each script in one process; every check of a script is one test here."""

import asyncio
import time
from functools import cache
from pathlib import Path

import pytest

from tests.auth import forge
from tests.auth.conftest import serve
from tests.auth.issuer import Issuer
from tests.scripts import Handler, Report, check_names, node, python, run_script
from tests.server import ServerProcess

CLIENTS = Path(__file__).parents[1] / "clients"
JS = CLIENTS / "js" / "auth.mjs"
PYTHON = CLIENTS / "python" / "auth.py"


class Asked:
    """What the scripts may ask for."""

    def __init__(self, issuer: Issuer, own: Issuer) -> None:
        self._issuer = issuer
        self._own = own
        self._last = ""
        self._rotations = 0

    @property
    def handlers(self) -> dict[str, Handler]:
        return {
            "token": self._token,
            "oldToken": self._old_token,
            "badToken": self._bad_token,
            "ownToken": self._own_token,
            "untilOver": self._until_over,
            "breakIssuer": self._break_issuer,
            "healIssuer": self._heal_issuer,
            "rotate": self._rotate,
        }

    async def _token(self, subject: str, lives_s: int) -> str:
        # Each is another token, as a client takes an equal one for no token at all.
        self._last = self._issuer.token(subject, lives_s=lives_s, jti=str(time.time_ns()))
        return self._last

    async def _old_token(self, subject: str, lives_s: int) -> str:
        return self._issuer.token(subject, iat=int(time.time()) - 10_000, lives_s=lives_s)

    async def _bad_token(self, jti: str) -> str:
        attacker = forge.rsa_key("attacker").named(self._issuer.keys[0].kid)
        return self._issuer.token("eve", key=attacker, jti=jti)

    async def _own_token(self, subject: str) -> str:
        return self._own.token(subject, jti=str(time.time_ns()))

    async def _until_over(self) -> None:
        while time.time() < forge.claims_of(self._last)["exp"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _break_issuer(self, fault: str) -> None:
        self._own.fault = fault

    async def _heal_issuer(self) -> None:
        self._own.fault = None

    async def _rotate(self) -> None:
        self._rotations += 1
        self._own.keys = [forge.rsa_key(f"rotated {self._rotations}")]


class Scripts:
    """Runs each script once, when the first of its checks is asked for.

    Each has servers and issuers of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.report = cache(self._report)

    def _report(self, script: Path, *flags: str) -> Report:
        folder = self._folder / "-".join([script.name, *flags])
        command = python(script) if script == PYTHON else node(script, *flags)
        with Issuer(forge.rsa_key()) as issuer, Issuer(forge.rsa_key()) as own:
            for name in ("shared", "own"):
                (folder / name).mkdir(parents=True)
            with (
                serve(folder / "shared", issuer.setting()) as server,
                serve(folder / "own", own.setting()) as own_server,
            ):
                return asyncio.run(self._run(command, server, own_server, Asked(issuer, own)))

    async def _run(
        self, command: list[str], server: ServerProcess, own_server: ServerProcess, asked: Asked
    ) -> Report:
        env = {"SERVER_URL": server.url, "OWN_URL": own_server.url}
        cwd = Path(command[-1]).parent
        return await run_script(command, cwd=cwd, env=env, handlers=asked.handlers)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Scripts:
    return Scripts(tmp_path_factory.mktemp("scripts"))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(JS))
def test_npm(scripts: Scripts, check: str) -> None:
    scripts.report(JS).expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("check", check_names(PYTHON))
def test_pypi(scripts: Scripts, check: str) -> None:
    scripts.report(PYTHON).expect(check)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("script", [JS, PYTHON], ids=lambda script: script.name)
def test_script_ran_every_check(scripts: Scripts, script: Path) -> None:
    report = scripts.report(script)
    assert list(report.errors) == check_names(script)
    assert report.exit_code == 0
