"""What a server does about flags when it starts: the app's own `flags:start` is called."""

from collections.abc import Mapping
from typing import Final

from reactive.backend import ANYBODY, MutationRequest
from reactive.errors import ApplicationError, ProjectError, UsageError
from reactive.runtime.function import Kind
from reactive.runtime.service import FunctionService

START: Final = "flags:start"


async def start_flags(service: FunctionService, values: Mapping[str, str]) -> None:
    """Gives an app's flags their rows, and those of the setting `flags` their variants.

    Raises:
        ProjectError: when a flag or a variant is unknown, or the app has no such function.
    """
    try:
        service.registry.refer(START, Kind.MUTATION)
    except UsageError as error:
        if values:
            raise ProjectError(f"setting flags: the app has no flags: {error.message}") from error
        return
    request = MutationRequest(START, {"values": dict(values)}, ANYBODY, is_internal=True)
    outcome = await service.mutate_and_wait(request)
    if isinstance(outcome.error, ApplicationError) and isinstance(outcome.error.data, dict):
        raise ProjectError(f"setting flags.{outcome.error.data['message']}") from outcome.error
    if outcome.error is not None:
        raise outcome.error
