"""The flags of an app: read, set and noted through the context of a query or a mutation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, cast

from openfeature.client import OpenFeatureClient
from pydantic import ValidationError

from reactive.errors import ApplicationError
from reactive.flags.evaluation import (
    KEY,
    BrokenFlagError,
    Decision,
    FlagSpec,
    Reason,
    Rule,
    names_of,
    threshold_of,
)
from reactive.flags.provider import FlagProvider, client_of, flag_type_of
from reactive.flags.rows import DecisionRow, FlagRow, OverrideRow, check_variant, rule_of
from reactive.limits import DEFAULT_LIMITS
from reactive.runtime.context import MutationCtx, QueryCtx
from reactive.runtime.document import stored_of
from reactive.runtime.types import UNSET, Id, Unset
from reactive.settings import flag_name

LOCAL_USER = "local"
"""Everybody, where the server trusts no issuer of tokens."""


class Flags:
    """The flags that an app keeps in these three tables.

    `known` are the flags that it describes; each has a row from the first start on. `off` is what
    any other flag's users get while it is killed, missing or broken.
    """

    def __init__(
        self,
        flags: type[FlagRow],
        overrides: type[OverrideRow],
        decisions: type[DecisionRow],
        *,
        known: Sequence[FlagSpec] = (),
        off: str = "off",
    ) -> None:
        self._flags = flags
        self._overrides = overrides
        self._decisions = decisions
        self.known = {spec.key: spec for spec in known}
        self._off = off

    # Reading

    @property
    def table(self) -> str:
        """The table that has the flags."""
        return self._flags.__table__

    def rule(self, key: str, rows: Sequence[FlagRow]) -> Rule:
        """What a flag says whose rows are these.

        Raises:
            BrokenFlagError: when it cannot be evaluated, so that everybody gets what is off.
        """
        return rule_of(rows, self.known.get(key), self._off)

    async def client(
        self, ctx: QueryCtx | MutationCtx, *keys: str, user: str | Unset | None = UNSET
    ) -> OpenFeatureClient:
        """An OpenFeature client for these flags, whose rows are read now, and for one user.

        The user is the caller, unless named as tokens name one: `issuer|subject`. A query that
        evaluates is live: it runs again when one of these flags is changed.
        """
        named = await user_of(ctx) if isinstance(user, Unset) else user
        flags: list[FlagRow] = []
        overrides: list[OverrideRow] = []
        for key in keys:
            flags += await self._rows(ctx, key)
            for name in names_of(named) if named is not None else ():
                of_user = ctx.db.query(self._overrides).with_index("by_user", key=key, user_id=name)
                overrides += await of_user.take(1)
        provider = FlagProvider(
            flags, overrides, known=self.known.values(), off=self._off, users={named}
        )
        return client_of(provider, named)

    async def decide(
        self, ctx: QueryCtx | MutationCtx, key: str, user: str | Unset | None = UNSET
    ) -> Decision:
        """What a user, the caller unless named, gets of a flag; what is off if it is unusable."""
        spec = self.known.get(key)
        off = self._off if spec is None else spec.off
        client = await self.client(ctx, key, user=user)
        value = off if spec is None else spec.values[off]
        found = client.evaluate_flag_details(flag_type_of(value), key, value)
        if found.error_code is not None or found.variant is None:
            return Decision(key, off, "ERROR")
        # It is the provider's, which knows no other words.
        reason = cast("Reason", str(found.reason))
        revision, bucket = found.flag_metadata["revision"], found.flag_metadata.get("bucket")
        return Decision(
            key, found.variant, reason, int(revision), None if bucket is None else int(bucket)
        )

    # Writing

    async def note(self, ctx: MutationCtx, decision: Decision, user: str) -> None:
        """Keeps a user's decision: one row for each revision of the flag."""
        bucket = UNSET if decision.bucket is None else decision.bucket
        row = self._decisions(
            key=decision.key,
            user_id=user,
            revision=decision.revision,
            variant=decision.variant,
            reason=decision.reason,
            bucket=bucket,
            decided_at=ctx.now.timestamp() * 1_000,
        )
        known = (
            await ctx.db.query(self._decisions)
            .with_index("by_user", key=decision.key, user_id=user, revision=decision.revision)
            .first()
        )
        if known is None:
            await ctx.db.insert(row)
        elif (known.variant, known.reason) != (row.variant, row.reason):
            # The flag was missing or broken for a while: its revision says nothing then.
            # Made anew, so that rows stand in the order of their decisions.
            await ctx.db.delete(known.id)
            await ctx.db.insert(row)

    async def forget(self, ctx: MutationCtx, before: datetime) -> int:
        """Removes the oldest decisions that were made before a time, and says how many.

        Of so many as one transaction should remove at most: an app calls it now and then.
        """
        oldest = await ctx.db.query(self._decisions).take(
            DEFAULT_LIMITS.flag_decisions_forgotten_max
        )
        old = [row for row in oldest if row.decided_at < before.timestamp() * 1_000]
        for row in old:
            await ctx.db.delete(row.id)
        return len(old)

    async def set(
        self,
        ctx: MutationCtx,
        key: str,
        *,
        variant: str | Unset = UNSET,
        percentage: float | Unset = UNSET,
        user: str | Unset = UNSET,
        enabled: bool | Unset = UNSET,
    ) -> int:
        """Changes a flag, or one user's override, and gives the flag's new revision.

        | given | effect |
        |---|---|
        | `variant` | everybody gets it |
        | `percentage` | so many users get `variant`, or the one it has; others the default |
        | `enabled` | False: everybody gets what is off, whatever else is set; True ends that |
        | `user` and `variant` | this user gets it; `user` is a subject or `issuer|subject` |
        | `user` alone | the user's override is removed |

        Raises:
            ApplicationError: `{code: "invalid_request", message}`, naming what was wrong.
        """
        self._check(key, variant)
        row = await self._row(ctx, key)
        changes: dict[str, object] = {}
        if not isinstance(user, Unset):
            for name, value in (("percentage", percentage), ("enabled", enabled)):
                if not isinstance(value, Unset):
                    _refuse(name, "is for everybody, and userId names one")
            await self._override(ctx, key, user, variant)
        else:
            changes = _changes(variant, percentage, enabled)
            has_variant = "variant" in changes or (row and not isinstance(row.variant, Unset))
            if "percentage" in changes and not has_variant:
                _refuse("variant", f"is missing: {key} has none that so many could get")
        return await self._write(ctx, key, row, changes)

    async def start(self, ctx: MutationCtx, values: Mapping[str, str]) -> None:
        """For the internal mutation `flags:start`, which a server calls when it starts.

        Each flag that the app describes gets its row. `values` are those of the setting `flags`:
        such a flag has this variant, for everybody and as its default, in place of what was set
        before. A flag that was killed stays so.

        Raises:
            ApplicationError: `{code: "invalid_request", message}`, naming flag or variant.
        """
        wanted: dict[str, str] = {}
        spelled = {flag_name(key): key for key in self.known}
        for name, variant in values.items():
            key = spelled.get(flag_name(name))
            if key is None:
                known = ", ".join(self.known) or "none"
                _refuse(name, f"is no flag of this app, only {known}")
            try:
                check_variant(variant, self.known[key])
            except BrokenFlagError as error:
                _refuse(key, str(error))
            wanted[key] = variant
        for key in self.known:
            if key in wanted:
                row = await self._row(ctx, key)
                changes = {"variant": wanted[key], "default": wanted[key], "percentage": UNSET}
                if row is None or any(getattr(row, name) != changes[name] for name in changes):
                    await self._write(ctx, key, row, changes)
            elif not await self._rows(ctx, key):
                await self._write(ctx, key, None, {})

    def _check(self, key: str, variant: str | Unset) -> None:
        if not KEY.fullmatch(key):
            _refuse("key", f"must be a letter, then letters, digits, '_', '.' or '-': {key!r:.80}")
        if isinstance(variant, Unset):
            return
        if not KEY.fullmatch(variant):
            _refuse("variant", f"must be a name as a key is: {variant!r:.80}")
        try:
            check_variant(variant, self.known.get(key))
        except BrokenFlagError as error:
            _refuse("variant", str(error))

    async def _override(self, ctx: MutationCtx, key: str, user: str, variant: str | Unset) -> None:
        if not user.strip():
            _refuse("userId", "is empty")
        of_user = ctx.db.query(self._overrides).with_index("by_user", key=key, user_id=user)
        known = await of_user.collect()
        if isinstance(variant, Unset) and not known:
            _refuse("variant", f"is missing, and {user!r:.80} has no override to remove")
        for row in known:
            await ctx.db.delete(row.id)
        if not isinstance(variant, Unset):
            await ctx.db.insert(self._overrides(key=key, user_id=user, variant=variant))

    async def _write(
        self,
        ctx: MutationCtx,
        key: str,
        row: FlagRow | None,
        changes: Mapping[str, Any],
    ) -> int:
        now_ms = ctx.now.timestamp() * 1_000
        if row is not None:
            revision = row.revision + 1
            await ctx.db.patch(row.id, {**changes, "revision": revision, "updated_at": now_ms})
            return revision
        made = self._flags(key=key, salt=key, updated_at=now_ms, **changes)
        await ctx.db.insert(made)
        return made.revision

    async def _row(self, ctx: MutationCtx, key: str) -> FlagRow | None:
        """The row that is to be changed; one that cannot be read makes room."""
        rows = await self._rows(ctx, key)
        if len(rows) > 1:
            _refuse("key", f"the table has two rows of {key}")
        if not rows:
            return None
        try:
            rows[0].key  # noqa: B018 - a document is checked when it is looked at
        except ValidationError:
            stored = stored_of(rows[0])
            assert stored is not None
            await ctx.db.delete(Id(stored.id))
            return None
        return rows[0]

    async def _rows(self, ctx: QueryCtx | MutationCtx, key: str) -> list[FlagRow]:
        return await ctx.db.query(self._flags).with_index("by_key", key=key).take(2)


async def user_of(ctx: QueryCtx | MutationCtx) -> str | None:
    """The caller as flags know one: None where the server trusts tokens and got none."""
    if not ctx.settings.auth:
        return LOCAL_USER
    identity = await ctx.auth.get_user_identity()
    return None if identity is None else identity.token_identifier


def _changes(
    variant: str | Unset, percentage: float | Unset, enabled: bool | Unset
) -> dict[str, object]:
    changes: dict[str, object] = {}
    if not isinstance(variant, Unset):
        changes |= {"variant": variant, "percentage": UNSET}
    if not isinstance(percentage, Unset):
        try:
            threshold_of(percentage)
        except ValueError as error:
            _refuse("percentage", str(error))
        changes["percentage"] = percentage
    if not isinstance(enabled, Unset):
        changes["enabled"] = enabled
    if not changes:
        _refuse("variant", "is missing, and so are percentage, userId and enabled")
    return changes


def _refuse(name: str, problem: str) -> NoReturn:
    raise ApplicationError({"code": "invalid_request", "message": f"{name}: {problem}."})
