"""How far an export or an import is, for whoever wants to show it."""

from typing import Protocol


class Progress(Protocol):
    """Told of phases and steps; may be called from a thread."""

    def phase(self, text: str, total: int) -> None:
        """A new phase begins, of so many steps."""
        ...

    def advance(self, steps: int) -> None:
        """So many more steps of the phase are done."""
        ...


class NoProgress:
    """Shows nothing."""

    def phase(self, text: str, total: int) -> None:
        pass

    def advance(self, steps: int) -> None:
        pass
