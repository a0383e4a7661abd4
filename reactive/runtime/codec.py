"""Between Python objects and JSON text: documents in and out of storage, results out to clients."""

import dataclasses
import datetime
import decimal
import enum
import typing
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import to_jsonable_python

from reactive.errors import LimitError, UsageError
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.document import Document, stored_of, wire_fields
from reactive.runtime.types import UNSET, Id
from reactive.runtime.validators import (
    constructor_of,
    explain,
    partial_validator_of,
    serializer_of,
    validator_of,
    wire_names_of,
)
from reactive.values.document import Row, StoredDocument
from reactive.values.encoding import (
    DROP,
    Int64,
    JsonBytes,
    ToWire,
    dump_wire,
    fields_to_wire,
    from_wire,
    load_json,
    to_wire,
    wire_size,
)
from reactive.values.tables import CREATION_TIME_FIELD, ID_FIELD, is_identifier
from reactive.values.tuples import new_tuple

_JSONABLE = (datetime.date, datetime.time, datetime.timedelta, uuid.UUID, decimal.Decimal)
_new = object.__new__
_set_stored = Document.__dict__["_stored"].__set__
_set_creation_time = Document.__dict__["_creation_time"].__set__
_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_names = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_class = object.__dict__["__class__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__
_get_stored = Document.__dict__["_stored"].__get__

_SCALARS = (str, bytes, bool, int, float, Int64, type(None))


class Codec:
    """How documents of one table get into bytes and out of them."""

    def __init__(
        self, cls: type[Document], table: str, case: str, *, is_system: bool = False
    ) -> None:
        self.cls = cls
        self._is_system = is_system
        self._bytes_max = (
            DEFAULT_LIMITS.job_argument_bytes_max
            if is_system
            else DEFAULT_LIMITS.document_bytes_max
        )
        self.table = table
        self.names = wire_fields(cls, case)
        self._python_names = {wire: name for name, wire in self.names.items()}
        self._python_names |= {name: name for name in self.names}
        self._validator = validator_of(cls, wire_names_of(case))
        self._partial = partial_validator_of(cls, wire_names_of(case), self.names)
        cls.__pydantic_validator__ = constructor_of(cls)
        cls.__pydantic_serializer__ = serializer_of(cls, wire_names_of(case))
        # Where one of these is missing, the class has a default that was not there before.
        self._always_stored = {
            self.names[name]
            for name, field in cls.__pydantic_fields__.items()
            if field.is_required() or field.default is not UNSET
        }
        self._encoder = Encoder(case)
        self.has_mutable_fields = cls.model_config.get("extra") == "allow" or not all(
            _is_scalar(field.annotation) for field in cls.__pydantic_fields__.values()
        )
        self._parsed: dict[str, tuple[JsonBytes, dict[str, Any], Document]] = {}
        self.lazy_class = _lazy_class(cls, self)
        cls.__codec__ = self

    def load(self, stored: StoredDocument | Row) -> Any:
        """The stored document as an instance of the table's class, not parsed yet."""
        document: Document = _new(self.lazy_class)
        _set_stored(document, stored)
        return document

    def load_all(self, rows: Iterable[Row]) -> list[Any]:
        """The rows as instances of the class, not parsed yet."""
        lazy, documents = self.lazy_class, []
        for row in rows:
            document: Document = _new(lazy)
            _set_stored(document, row)
            documents.append(document)
        return documents

    def parse(self, wire: Mapping[str, Any]) -> Document:
        """An instance with the fields of a document's wire form.

        Raises:
            ValidationError: when they do not fit the class.
        """
        fields = {name: value for name, value in wire.items() if name[0] != "_"}
        document: Document = self._validator.validate_python(from_wire(fields))
        return document

    def restored(self, document: Document, document_id: str, creation_time: float) -> Document:
        """The document as one that was read, when it had this id and these fields.

        Raises:
            UsageError: when it can be none that was stored.
        """
        system = {CREATION_TIME_FIELD: creation_time, ID_FIELD: document_id}
        _set_stored(document, self.store({**system, **self.wire_of(document)}))
        _set_creation_time(document, creation_time)
        return document

    def fill(self, document: Document) -> None:
        """Turns a lazy document into an ordinary, immutable one.

        What was made of a text serves for as long as the document is read again and again, unless
        an author could change it.
        """
        stored = _get_stored(document)
        known = self._parsed.get(stored.id)
        if known is not None and known[0] == stored.json:
            _, wire, parsed = known
        else:
            wire = load_json(stored.json)
            fields = wire.copy()
            del fields[ID_FIELD], fields[CREATION_TIME_FIELD]
            parsed = self._validator.validate_python(from_wire(fields))
            is_small = len(stored.json) <= DEFAULT_LIMITS.recent_parsed_bytes_max
            if is_small and not self.has_mutable_fields:
                if len(self._parsed) >= DEFAULT_LIMITS.recent_parsed_max:
                    self._parsed.clear()
                self._parsed[stored.id] = stored.json, wire, parsed
        _set_fields(document, parsed.__dict__.copy())
        _set_names(document, parsed.__pydantic_fields_set__)
        _set_extra(document, parsed.__pydantic_extra__)
        private = parsed.__pydantic_private__
        _set_private(document, None if private is None else private.copy())
        _set_creation_time(document, wire[CREATION_TIME_FIELD])
        _set_class(document, self.cls)

    def wire(self, stored: StoredDocument) -> Mapping[str, Any]:
        """The wire form of a stored document, id and creation time with it."""
        known = self._parsed.get(stored.id)
        if known is not None and known[0] == stored.json:
            return known[1]
        wire: dict[str, Any] = load_json(stored.json)
        return wire

    def patched(self, wire: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
        """The wire form of a stored document with some fields set, by Python or by wire names.

        Stored documents fit their class, as those who were there before the class are checked
        before it serves (`reactive.runtime.schema_check`): where fields can be checked one by one,
        only those that are set are.

        Raises:
            UsageError: naming table, field and reason, when the whole does not fit the class.
        """
        if self._partial is not None and self._always_stored <= wire.keys():
            try:
                checked = self._partial.validate_python(changes)
            except ValidationError:
                # The whole is checked below, and says what is wrong with it.
                checked = {}
            changed = self._wire_form(checked)
            if len(changed) == len(changes):
                return {**wire, **changed}
        document, names = self.parse(wire), self._python_names
        values = {**document.__dict__, **(document.__pydantic_extra__ or {})}
        values |= {names.get(name, name): value for name, value in changes.items()}
        made = self.wire_of(
            self.validated({name: value for name, value in values.items() if value is not UNSET})
        )
        return {**made, **{name: wire[name] for name in (ID_FIELD, CREATION_TIME_FIELD)}}

    def validated(self, values: Mapping[str, object]) -> Document:
        """A document of these fields, by Python or by wire names.

        Raises:
            UsageError: naming table, field and reason.
        """
        try:
            document: Document = self._validator.validate_python(values)
        except ValidationError as error:
            where, sentence, value = explain(error)[0]
            raise UsageError(
                f"a document for table {self.table} does not match its schema: "
                f"field {where}: {sentence} (got {value!r:.200})",
                code="SchemaEnforcementError",
            ) from error
        return document

    def wire_of(self, document: Document) -> dict[str, Any]:
        """The wire form of a document's fields, without id and creation time.

        Raises:
            UsageError: when a value or a name cannot be stored.
        """
        names = self.names
        fields = {
            names[name]: value for name, value in document.__dict__.items() if value is not UNSET
        }
        for name, value in (document.__pydantic_extra__ or {}).items():
            if not is_identifier(name) or name.startswith("_"):
                raise UsageError(
                    f"{name!r} is no name for a field of table {self.table}",
                    code="InvalidFieldName",
                )
            if value is not UNSET:
                fields[name] = value
        return self._wire_form(fields)

    def _wire_form(self, fields: dict[str, Any]) -> dict[str, Any]:
        wire = fields_to_wire(fields, DEFAULT_LIMITS.document_depth_max, self._encoder.default)
        for name, value in wire.items():
            # What is passed to a scheduled function may be a document, system fields and all.
            if (type(value) is dict or type(value) is list) and not self._is_system:
                _check_nested_names(value, name)
        return wire

    def store(self, wire: Mapping[str, Any]) -> StoredDocument:
        """The document as it is stored, from its whole wire form.

        Raises:
            LimitError: when it is too large.
        """
        size = wire_size(wire)
        if size > self._bytes_max:
            raise LimitError(
                f"Value is too large: a document of table {self.table} has {size} bytes "
                f"(limit: {self._bytes_max} bytes)",
                code="ValueTooLargeError",
            )
        return new_tuple(StoredDocument, (wire[ID_FIELD], dump_wire(wire), size))


def _lazy_class(cls: type[Document], codec: Codec) -> type[Document]:
    """A class whose instances become ones of `cls` when anything is asked of them.

    It has the same layout and is made by `type` itself, as pydantic need not know of it.
    """
    get = object.__getattribute__

    def get_attribute(self: Document, name: str) -> Any:
        if name == "_stored" or name == "__class__":
            return get(self, name)
        if name == "id":
            return Id(_get_stored(self).id)
        if get(self, "__class__") is lazy:
            codec.fill(self)
        return getattr(self, name)

    namespace = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__getattribute__": get_attribute,
        "__is_lazy__": True,
    }
    lazy: type[Document] = type.__new__(type(cls), cls.__name__, (cls,), namespace)
    return lazy


def _is_scalar(annotation: object) -> bool:
    if typing.get_origin(annotation) is typing.Literal:
        return True
    arguments = typing.get_args(annotation)
    if arguments:
        return all(_is_scalar(each) for each in arguments if isinstance(each, type))
    return isinstance(annotation, type) and issubclass(annotation, (*_SCALARS, enum.Enum))


def _check_nested_names(value: Any, path: str) -> None:
    if type(value) is list:
        for item in value:
            _check_nested_names(item, path)
    elif type(value) is dict:
        if len(value) == 1 and next(iter(value)) in ("$integer", "$float", "$bytes"):
            return
        for name, item in value.items():
            if not name or name[0] == "_":
                raise UsageError(
                    f"at {path}: {name!r} is no name for a nested field of a document",
                    code="InvalidFieldName",
                )
            _check_nested_names(item, f"{path}.{name}")


class Encoder:
    """Makes JSON text of what functions return.

    Documents are passed on as they are stored; `encodings` counts the values that were encoded.
    """

    def __init__(self, case: str) -> None:
        self._case = case
        self._names: dict[type[BaseModel], Mapping[str, str]] = {}
        self.encodings = 0

    def encode(self, value: object) -> JsonBytes:
        """The JSON text of a result; `UNSET` is null, as JavaScript's `undefined` is for Convex.

        Raises:
            NotAValueError: for what is none of Convex's values.
            LimitError: when the result is too large or nested too deep.
        """
        self.encodings += 1
        is_plain = value is None or (type(value) is Id and value.isascii())
        text = dump_wire(value) if is_plain else self._documents(value)
        if text is None:
            wire = to_wire(value, default=self._result_default)
            text = dump_wire(None if wire is DROP else wire)
        # No value counts for more than 2.25 times its text, so most need not be measured.
        if len(text) * 2.25 > DEFAULT_LIMITS.result_bytes_max:
            size = wire_size(load_json(text))
            if size > DEFAULT_LIMITS.result_bytes_max:
                raise LimitError(
                    f"return value is too large (actual: {size} bytes, "
                    f"limit: {DEFAULT_LIMITS.result_bytes_max} bytes)",
                    code="ReturnValueTooLarge",
                )
        return text

    def _documents(self, value: object) -> JsonBytes | None:
        """The text of a document or a list of them, when all are as they were stored."""
        if isinstance(value, Document):
            return self._as_stored(value)
        if type(value) is list:
            for kind in set(map(type, value)):
                if not (issubclass(kind, Document) and kind.__is_lazy__):
                    break
            else:
                if len(value) > DEFAULT_LIMITS.array_items_max:
                    return None
                return b"[%b]" % b",".join([_get_stored(item).json for item in value])
            texts = []
            for item in value:
                text = self._as_stored(item) if isinstance(item, Document) else None
                if text is None:
                    return None
                texts.append(text)
            if len(texts) <= DEFAULT_LIMITS.array_items_max:
                return b"[" + b",".join(texts) + b"]"
        return None

    def _as_stored(self, document: Document) -> JsonBytes | None:
        stored = stored_of(document)
        if stored is None:
            return None
        return None if _may_have_changed(document) else stored.json

    def default(self, value: object, depth_max: int, path: str) -> Any:
        """The wire form of models, dataclasses and enums."""
        return self._wire_form(value, depth_max, path, self.default)

    def _result_default(self, value: object, depth_max: int, path: str) -> Any:
        """As `default`, and dates, UUIDs and decimals as pydantic writes them in JSON."""
        wire = self._wire_form(value, depth_max, path, self._result_default)
        if wire is NotImplemented and isinstance(value, _JSONABLE):
            return to_jsonable_python(value)
        return wire

    def _wire_form(self, value: object, depth_max: int, path: str, inner: ToWire) -> Any:
        if value is UNSET:
            return DROP
        if isinstance(value, RootModel):
            return to_wire(value.root, depth_max, inner, path)
        if isinstance(value, BaseModel):
            return self._model(value, depth_max, path, inner)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            spell = wire_names_of(self._case)
            fields = {spell(f.name): getattr(value, f.name) for f in dataclasses.fields(value)}
            return to_wire(fields, depth_max, inner, path)
        if isinstance(value, enum.Enum):
            return to_wire(value.value, depth_max, inner, path)
        return NotImplemented

    def _model(self, value: BaseModel, depth_max: int, path: str, inner: ToWire) -> Any:
        if isinstance(value, Document):
            text = self._as_stored(value)
            if text is not None:
                return orjson.Fragment(text)
        names = self._names.get(type(value))
        if names is None:
            names = self._names[type(value)] = wire_fields(type(value), self._case)
        fields = {names[name]: item for name, item in value.__dict__.items()}
        fields.update(value.model_extra or {})
        wire = to_wire(fields, depth_max, inner, path)
        stored = stored_of(value) if isinstance(value, Document) else None
        if stored is not None and isinstance(value, Document):
            wire |= {ID_FIELD: stored.id, CREATION_TIME_FIELD: value.creation_time}
        return wire


def _may_have_changed(document: Document) -> bool:
    """Whether somebody may have changed a list or dict inside a document that was looked at."""
    codec: Codec | None = type(document).__codec__
    return codec is None or (codec.has_mutable_fields and type(document) is not codec.lazy_class)
