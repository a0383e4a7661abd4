"""For authors' tests: a backend in the test's own process."""

from reactive.testing.backend import TestBackend

__all__ = ["TestBackend"]
