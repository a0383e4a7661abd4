"""Arguments in and results out, by the annotations of a function."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from reactive.errors import CallError, ProjectError
from reactive.runtime.document import Document
from reactive.runtime.pagination import PaginationResult
from reactive.runtime.validators import KEPT, argument_error, explain, named_validator_of

_PLAIN = (str, bool, type(None))


class Signature:
    """What a function takes and gives.

    Raises:
        ProjectError: from the constructor, when the function cannot be called by name.
    """

    def __init__(
        self, path: str, handler: Callable[..., Any], wire_name: Callable[[str], str]
    ) -> None:
        self.path = path
        if not inspect.iscoroutinefunction(handler):
            raise ProjectError(f"{path}: the function must be `async def`")
        try:
            hints = typing.get_type_hints(handler, include_extras=True)
        except (NameError, TypeError) as error:
            raise ProjectError(f"{path}: cannot read the annotations: {error}") from error
        parameters = list(inspect.signature(handler).parameters.values())
        if not parameters or parameters[0].kind not in (
            parameters[0].POSITIONAL_ONLY,
            parameters[0].POSITIONAL_OR_KEYWORD,
        ):
            raise ProjectError(f"{path}: the first parameter must be the context")
        names: dict[str, str] = {}
        self.wire_names: dict[str, str] = {}
        self.optional: set[str] = set()
        """The Python names of the arguments that may be left out."""
        fields: dict[str, Any] = {}
        rest: object | None = None
        for at, parameter in enumerate(parameters[1:]):
            if parameter.kind is parameter.VAR_KEYWORD:
                rest = hints.get(parameter.name, Any)
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                raise ProjectError(f"{path}: parameter {parameter.name} cannot be given by name")
            annotation, default = _declared(parameter, hints.get(parameter.name, Any))
            info = FieldInfo.from_annotation(annotation)
            alias = info.alias or wire_name(parameter.name)
            names[f"a{at}"] = parameter.name
            self.wire_names[parameter.name] = alias
            if default is not ... or not info.is_required():
                self.optional.add(parameter.name)
            fields[f"a{at}"] = annotation, _field(parameter.name, default, alias)
        try:
            model = create_model("Arguments", __base__=_arguments_base(rest), **fields)
            self._validator = named_validator_of(model, wire_name, names)
            self._returns = _result_check(hints["return"]) if "return" in hints else None
        except (PydanticUserError, TypeError) as error:
            raise ProjectError(f"{path}: {error}") from error
        self.has_return_type = "return" in hints
        self.is_steady = all(info.default_factory is None for info in model.model_fields.values())
        """Whether the same arguments always become the same objects."""

    def arguments(self, values: Mapping[str, object], *, is_kept: bool = False) -> dict[str, Any]:
        """The keyword arguments of a call.

        Documents that were read are known as such by their class, and by their system fields in
        what was kept of a call (`is_kept`). A client cannot say what was read.

        Raises:
            CallError: naming the argument that is missing, unknown or of the wrong type.
        """
        try:
            arguments: dict[str, Any] = self._validator.validate_python(
                values, context=KEPT if is_kept else None
            )
        except ValidationError as error:
            raise argument_error(self.path, error) from error
        return arguments

    def result(self, value: object) -> object:
        """The value as the return annotation has it.

        Raises:
            CallError: when it does not fit.
        """
        if self._returns is None:
            return value
        try:
            return self._returns(value)
        except ValidationError as error:
            where, sentence, found = explain(error)[0]
            raise CallError(
                f"ReturnsValidationError: the result of {self.path} does not match its "
                f"annotation.\nPath: .{where}\n{sentence}\nValue: {found!r:.200}",
                code="ReturnsValidationError",
            ) from error


def _declared(parameter: inspect.Parameter, annotation: Any) -> tuple[Any, Any]:
    """The annotation of a parameter and its default, `...` where it has none of its own.

    `limit: int = Field(default=5, ge=1)` means what it does in pydantic's models.
    """
    if parameter.default is parameter.empty:
        return annotation, ...
    if isinstance(parameter.default, FieldInfo):
        return typing.Annotated[annotation, parameter.default], ...
    return annotation, parameter.default


def _field(name: str, default: Any, alias: str) -> FieldInfo:
    # What a `Field` in the annotation says of a default would be overruled by any default here.
    given: Any = {} if default is ... else {"default": default}
    choices: Any = alias if alias == name else AliasChoices(alias, name)
    field: FieldInfo = Field(validation_alias=choices, **given)
    return field


def _arguments_base(rest: object | None) -> type[BaseModel]:
    """What a model of arguments derives from; `rest` is the type of `**rest`, if there is one."""

    def fill(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = __name__
        namespace["model_config"] = ConfigDict(extra="forbid" if rest is None else "allow")
        if rest is not None:
            namespace["__annotations__"] = {
                "__pydantic_extra__": types.GenericAlias(dict, (str, rest))
            }

    base: type[BaseModel] = types.new_class("Arguments", (BaseModel,), exec_body=fill)
    return base


def _result_check(annotation: Any) -> Callable[[object], object] | None:
    """A function that checks a result, quick for what most functions return."""
    if annotation is Any or annotation is typing.NoReturn:
        return None
    adapter = TypeAdapter(annotation, config=None) if _wants_adapter(annotation) else None
    page_of = typing.get_origin(annotation) or annotation
    if isinstance(page_of, type) and issubclass(page_of, PaginationResult):
        arguments = typing.get_args(annotation) or getattr(
            annotation, "__pydantic_generic_metadata__", {}
        ).get("args", ())
        check_page = _result_check(types.GenericAlias(list, (arguments[0],))) if arguments else None

        def paginated(value: object) -> object:
            if isinstance(value, PaginationResult):
                if check_page is not None:
                    value.page = typing.cast("list[Any]", check_page(value.page))
                return value
            return PaginationResult[Any].model_validate(value)

        return paginated
    quick = _quick_types(annotation)
    assert adapter is not None
    if quick is None:
        return adapter.validator.validate_python
    return _quick_check(*quick, adapter.validator.validate_python)


def _quick_check(
    is_list: bool, classes: tuple[type, ...], otherwise: Callable[[object], object]
) -> Callable[[object], object]:
    """Lets instances of the classes, or lists of them, through without a further look."""

    def check(value: object) -> object:
        return value if isinstance(value, classes) else otherwise(value)

    def check_list(value: object) -> object:
        if type(value) is list:
            for kind in set(map(type, value)):
                if not issubclass(kind, classes):
                    break
            else:
                return value
        return otherwise(value)

    return check_list if is_list else check


def _wants_adapter(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) or annotation
    return not (isinstance(origin, type) and issubclass(origin, PaginationResult))


def _quick_types(annotation: Any) -> tuple[bool, tuple[type, ...]] | None:
    """Whether the type is a list, and classes whose instances need no further look."""
    if typing.get_origin(annotation) is list and typing.get_args(annotation):
        inner = _quick_types(typing.get_args(annotation)[0])
        return None if inner is None or inner[0] else (True, inner[1])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        each = [_quick_types(argument) for argument in typing.get_args(annotation)]
        if any(one is None or one[0] for one in each):
            return None
        return False, tuple(cls for one in each if one is not None for cls in one[1])
    if annotation is None:
        return False, (type(None),)
    if isinstance(annotation, type) and (issubclass(annotation, Document) or annotation in _PLAIN):
        return False, (annotation,)
    return None
