"""Tools: typed Python functions that a model may call.

    @tool
    async def current_time(zone: str = "UTC") -> str:
        \"\"\"The time in a zone of the IANA database, such as `Europe/Berlin`.\"\"\"

The docstring is what the model is told, the annotations are the schema of the arguments. A first
parameter named `ctx` gets the action's context.
"""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model
from pydantic_core import to_jsonable_python

from reactive.ai.providers.base import ToolAnswer, ToolCall, ToolSpec
from reactive.ai.storable import clipped
from reactive.errors import ApplicationError, UsageError
from reactive.limits import DEFAULT_LIMITS

_log = logging.getLogger("reactive.ai")


class Tool:
    """A function that a model may call; made by `tool`."""

    def __init__(self, function: Callable[..., Awaitable[Any]], name: str | None = None) -> None:
        if not inspect.iscoroutinefunction(function):
            raise UsageError(f"the tool {function!r} must be `async def`")
        self.name = name or function.__name__
        self.function = function
        parameters = dict(inspect.signature(function, eval_str=True).parameters)
        self.takes_context = next(iter(parameters), None) == "ctx"
        if self.takes_context:
            del parameters["ctx"]
        fields: dict[str, Any] = {}
        for parameter in parameters.values():
            if parameter.annotation is parameter.empty:
                raise UsageError(f"the tool {self.name}: {parameter.name} needs an annotation")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (parameter.annotation, default)
        self._model = create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)
        schema = self._model.model_json_schema()
        schema.pop("title", None)
        self.spec = ToolSpec(self.name, inspect.getdoc(function) or "", schema)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return await self.function(*args, **kwargs)

    async def call(self, ctx: Any, given: Any) -> Any:
        """Calls the function with what a model has written.

        Raises:
            ValidationError: when the arguments do not fit.
            Exception: whatever the function raises.
        """
        model = self._model.model_validate(given)
        arguments = {name: getattr(model, name) for name in type(model).model_fields}
        if self.takes_context:
            return await self.function(ctx, **arguments)
        return await self.function(**arguments)


def tool(
    function: Callable[..., Awaitable[Any]] | None = None, /, *, name: str | None = None
) -> Any:
    """Makes an async function a tool; bare, or with another name for the model."""
    if function is None:
        return lambda each: Tool(each, name)
    return Tool(function, name)


class ToolSet:
    """The tools that an answer may use."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for each in tools:
            if each.name in self._tools:
                raise UsageError(f"there are two tools named {each.name!r}")
            self._tools[each.name] = each

    def __bool__(self) -> bool:
        return bool(self._tools)

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """What the model is told of them."""
        return tuple(each.spec for each in self._tools.values())

    async def run(self, ctx: Any, call: ToolCall) -> tuple[Any, ToolAnswer]:
        """Runs one call: its result in JSON's values, and what the model gets to read.

        A failure is an answer, too: the model may do better with it.
        """
        try:
            tool = self._tools.get(call.name)
            if tool is None:
                raise UsageError(f"there is no tool {call.name!r}")
            async with asyncio.timeout(DEFAULT_LIMITS.tool_time_s):
                result = to_jsonable_python(await tool.call(ctx, call.input))
            text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
            if len(text) > DEFAULT_LIMITS.tool_output_characters_max:
                most = DEFAULT_LIMITS.tool_output_characters_max
                raise UsageError(f"the tool said too much: {len(text)} characters, {most} at most")
        except Exception as error:  # noqa: BLE001 - it is the author's code that raised
            text = clipped(_failure(call, error), DEFAULT_LIMITS.tool_error_characters_max)
            return None, ToolAnswer(call.id, text, is_error=True)
        return result, ToolAnswer(call.id, text)


def _failure(call: ToolCall, error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"invalid arguments: {where}: {first['msg']}"
    if isinstance(error, TimeoutError):
        return f"the tool did not answer within {DEFAULT_LIMITS.tool_time_s:g} s"
    if isinstance(error, UsageError | ApplicationError):
        return str(error)
    _log.warning("the tool %s failed", call.name, exc_info=error)
    return f"{type(error).__name__}: {error}"
