"""How clients write the path of a function."""

import re
from typing import Final

from reactive.errors import CallError

_MODULE_PART: Final = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_.]{1,64}\Z")
_NAME: Final = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def canonical_path(path: object) -> str:
    """A path in the form `dir/module:name`; `messages.js:list`, `messages` are spelled out.

    Raises:
        CallError: `BadConvexFunctionIdentifier`, when it can be no path.
    """
    if not isinstance(path, str) or len(path) > 1_000:
        raise CallError("a function path is a string", code="BadConvexFunctionIdentifier")
    module, colon, name = path.rpartition(":")
    if not colon:
        module, name = path, "default"
    module = module.removesuffix(".js")
    if not _NAME.match(name) or not all(_MODULE_PART.match(part) for part in module.split("/")):
        raise CallError(
            f"{path[:200]!r} is not a valid path to a function", code="BadConvexFunctionIdentifier"
        )
    return f"{module}:{name}"
