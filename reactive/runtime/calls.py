"""How functions call each other: in the caller's transaction if it has one, else on their own."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from reactive.backend import CallOutcome, MutationRequest
from reactive.engine.transaction import Transaction
from reactive.runtime.alarm import Alarm
from reactive.runtime.codec import Encoder
from reactive.runtime.db import SystemTables
from reactive.runtime.execution import Execution
from reactive.runtime.file_service import FileService
from reactive.runtime.function import Kind
from reactive.runtime.live import LiveQueries
from reactive.runtime.registry import FunctionDefinition, FunctionRegistry
from reactive.runtime.vectors import VectorSearch
from reactive.settings import Settings

T = TypeVar("T")


class CallService(Protocol):
    """What calls need of `FunctionService`."""

    files: FileService
    settings: Settings
    vectors: VectorSearch
    queries: LiveQueries
    stopping: asyncio.Event

    @property
    def registry(self) -> FunctionRegistry: ...

    @property
    def encoder(self) -> Encoder: ...

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T: ...

    async def mutate_and_wait(self, request: MutationRequest) -> CallOutcome: ...

    async def run_query_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> tuple[Any, Transaction]: ...

    async def run_action_for(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any: ...

    async def run_nested(
        self, run: Execution, definition: FunctionDefinition, args: Mapping[str, Any]
    ) -> Any: ...


class FunctionCalls:
    """How functions call each other; implements `reactive.runtime.context.Calls`."""

    def __init__(self, service: CallService) -> None:
        self._service = service

    @property
    def files(self) -> FileService:
        return self._service.files

    @property
    def settings(self) -> Settings:
        return self._service.settings

    @property
    def vectors(self) -> VectorSearch:
        return self._service.vectors

    @property
    def stopping(self) -> asyncio.Event:
        return self._service.stopping

    @property
    def registry(self) -> FunctionRegistry:
        return self._service.registry

    @property
    def encoder(self) -> Encoder:
        return self._service.encoder

    async def transact(self, work: Callable[[SystemTables], Awaitable[T]]) -> T:
        return await self._service.transact(work)

    async def run_query(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.registry.refer(function, Kind.QUERY)
        if run.has_transaction:
            return await self._service.run_nested(run, definition, args)
        value, _ = await self._service.run_query_for(run, definition, args)
        return value

    async def watch(
        self, run: Execution, function: object, args: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        definition = self._service.registry.refer(function, Kind.QUERY)
        queries = self._service.queries
        alarm = Alarm(queries.database, queries.clock)
        while True:
            value, transaction = await self._service.run_query_for(run, definition, args)
            yield value
            await alarm.sleep(None, transaction)

    async def run_mutation(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.registry.refer(function, Kind.MUTATION)
        if run.has_transaction:
            return await self._service.run_nested(run, definition, args)
        request = MutationRequest(
            definition.python_path, args, run.caller, request_id="", is_internal=True
        )
        outcome = await self._service.mutate_and_wait(request)
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    async def run_action(self, run: Execution, function: object, args: dict[str, Any]) -> Any:
        definition = self._service.registry.refer(function, Kind.ACTION)
        return await self._service.run_action_for(run, definition, args)
