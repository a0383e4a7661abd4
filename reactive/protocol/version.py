"""Which clients are served, and what each may be sent. Source: Convex's version policy."""

import re
from dataclasses import dataclass
from typing import Final

from reactive.errors import CallError

_SEMVER: Final = re.compile(
    r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z"
)
_Version = tuple[int, int, int]

_POLICY: Final[dict[str, tuple[_Version, _Version]]] = {
    "npm": ((0, 19, 1), (0, 19, 1)),
    "npm-cli": ((0, 19, 1), (0, 19, 1)),
    "actions": ((0, 19, 1), (0, 19, 1)),
    "python": ((0, 0, 2), (0, 2, 0)),
    "python-convex": ((0, 0, 2), (0, 2, 0)),
    "rust": ((0, 0, 1), (0, 0, 1)),
}
"""For each known client the newest version that is refused, and the newest that is warned."""

_CHUNKS_SINCE: Final[dict[str, _Version]] = {"npm": (1, 28, 0), "reactive-python": (0, 1, 0)}


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """A client's name and version; the version is None where it is not semantic."""

    name: str
    version: _Version | None

    @property
    def takes_chunks(self) -> bool:
        """Whether a long Transition may be cut into TransitionChunks."""
        since = _CHUNKS_SINCE.get(self.name)
        return since is not None and self.version is not None and self.version >= since

    @property
    def takes_json_by_default(self) -> bool:
        """Whether HTTP answers are plain JSON where the request names no format."""
        since = {"npm": (1, 4, 1), "python": (0, 5, 0), "python-convex": (0, 5, 0)}.get(self.name)
        return since is None or self.version is None or self.version >= since

    @property
    def state(self) -> str | None:
        """`Unsupported`, `UpgradeRequired`, or None for a client that is welcome."""
        policy = _POLICY.get(self.name)
        if policy is None:
            return None
        refused, warned = policy
        if self.version is None or self.version <= refused:
            return "Unsupported"
        return "UpgradeRequired" if self.version <= warned else None

    def advice(self) -> str:
        """One line for the user of a client that is refused or warned."""
        known = ".".join(map(str, self.version)) if self.version else "an unknown version"
        return f"The client {self.name} {known} is too old for this server; please upgrade it."


UNKNOWN: Final = ClientVersion("unknown", None)


def parse_client(header: str | None, path_version: str | None) -> ClientVersion:
    """The client that a request comes from: the `Convex-Client` header wins over the path.

    Raises:
        CallError: `InvalidClientVersion`.
    """
    if header is not None:
        for dash in (at for at, letter in enumerate(header) if letter == "-"):
            match = _SEMVER.match(header[dash + 1 :])
            if match:
                return ClientVersion(header[:dash].lower(), _version(match))
        name, dash_found, _ = header.partition("-")
        if not dash_found:
            raise _invalid(header)
        known = next((n for n in _POLICY if header.lower().startswith(n + "-")), name.lower())
        return ClientVersion(known, None)
    if path_version is not None:
        match = _SEMVER.match(path_version)
        if not match:
            raise _invalid(path_version)
        return ClientVersion("npm", _version(match))
    return UNKNOWN


def _version(match: re.Match[str]) -> _Version:
    return int(match[1]), int(match[2]), int(match[3])


def _invalid(text: str) -> CallError:
    return CallError(f"{text[:100]!r} is no client version", code="InvalidClientVersion")
