"""An OpenFeature provider over rows that were read before, and a client that asks it.

Nothing here waits, so a query may evaluate as often as it likes; and nothing is registered for the
process, as each execution has read rows of its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar, cast

from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagResolutionDetails, FlagType, FlagValueType, Reason
from openfeature.provider import AbstractProvider, FeatureProvider, Metadata, ProviderStatus
from pydantic import ValidationError

from reactive.flags.evaluation import BrokenFlagError, FlagSpec, FlagValue, evaluate
from reactive.flags.rows import FlagRow, OverrideRow, check_variant, rule_of

V = TypeVar("V")
Details = FlagResolutionDetails[V]


class FlagProvider(AbstractProvider):
    """Evaluates the flags of these rows. The targeting key is a user as tokens name one.

    `known` are the flags that the app describes, `off` what any other is when it is killed. With
    `users` only their overrides were read, and nobody else is evaluated. A flag that is missing or
    broken is an error: OpenFeature then gives the caller's own default.
    """

    def __init__(
        self,
        flags: Iterable[FlagRow],
        overrides: Iterable[OverrideRow] = (),
        *,
        known: Iterable[FlagSpec] = (),
        off: str = "off",
        users: Collection[str | None] | None = None,
    ) -> None:
        super().__init__()
        self._known = {spec.key: spec for spec in known}
        self._off = off
        self._users = users
        self._flags: dict[str, list[FlagRow]] = {}
        self._overrides: dict[str, dict[str, str]] = {}
        self._problem: str | None = None
        try:
            for flag in flags:
                self._flags.setdefault(flag.key, []).append(flag)
            for override in overrides:
                of_flag = self._overrides.setdefault(override.key, {})
                of_flag[override.user_id] = override.variant
        except ValidationError as error:
            # A document is checked when it is looked at, and this one does not even say its key.
            self._problem = f"a row does not fit: {error.errors()[0]['msg']}"

    def get_metadata(self) -> Metadata:
        return Metadata("reactive")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[bool]:
        return self._resolve(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[str]:
        return self._resolve(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[int]:
        return self._resolve(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[float]:
        return self._resolve(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> Details[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        return self._resolve(flag_key, default_value, evaluation_context)

    def _resolve(self, key: str, default: V, context: EvaluationContext | None) -> Details[V]:
        user = None if context is None else context.targeting_key or None
        if self._users is not None and user not in self._users:
            message = f"the overrides of {user!r} were not read"
            return _failed(default, ErrorCode.INVALID_CONTEXT, message)
        rows, spec = self._flags.get(key, []), self._known.get(key)
        overrides = self._overrides.get(key, {})
        try:
            if self._problem is not None:
                raise BrokenFlagError(self._problem)
            rule = rule_of(rows, spec, self._off)
            decision = evaluate(rule, user, overrides)
            check_variant(decision.variant, spec)
        except BrokenFlagError as error:
            is_missing = not rows and self._problem is None
            code = ErrorCode.FLAG_NOT_FOUND if is_missing else ErrorCode.PARSE_ERROR
            return _failed(default, code, f"flag {key}: {error}")
        value: FlagValue = decision.variant if spec is None else spec.values[decision.variant]
        bucket = {} if decision.bucket is None else {"bucket": decision.bucket}
        # The client refuses a value that is not of the type that it was asked for.
        return FlagResolutionDetails(
            value=cast("V", value),
            variant=decision.variant,
            reason=Reason(decision.reason),
            flag_metadata={"revision": decision.revision, **bucket},
        )


class _OwnClient(OpenFeatureClient):
    """A client of one provider, which the process's registry does not know."""

    def __init__(self, provider: FeatureProvider, context: EvaluationContext) -> None:
        super().__init__(None, None, context)
        self._own = provider

    @property
    def provider(self) -> FeatureProvider:
        return self._own

    def get_provider_status(self) -> ProviderStatus:
        return ProviderStatus.READY


def client_of(provider: FeatureProvider, user: str | None = None) -> OpenFeatureClient:
    """An OpenFeature client that asks this provider, for this user unless told otherwise."""
    return _OwnClient(provider, EvaluationContext(targeting_key=user))


def flag_type_of(value: FlagValue) -> FlagType:
    """What OpenFeature calls the type of a value."""
    plain = {
        bool: FlagType.BOOLEAN,
        str: FlagType.STRING,
        int: FlagType.INTEGER,
        float: FlagType.FLOAT,
    }
    return plain.get(type(value), FlagType.OBJECT)


def _failed(default: V, code: ErrorCode, message: str) -> Details[V]:
    return FlagResolutionDetails(
        value=default, reason=Reason.ERROR, error_code=code, error_message=message
    )
