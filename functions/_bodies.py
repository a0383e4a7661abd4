"""What clients send over HTTP and Socket.IO, checked."""

from typing import Any, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from functions._checks import refuse
from reactive import UNSET, Unset

B = TypeVar("B", bound=BaseModel)


class Ask(BaseModel):
    """The body of `/stream-chat` and `/chat`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    thread_id: str
    prompt: str
    model: str | Unset = UNSET
    system_prompt: str | Unset = UNSET
    client_message_id: str | Unset = UNSET
    on_disconnect: Literal["continue", "cancel"] = "continue"


class UiPart(BaseModel):
    """A piece of a message of the AI SDK."""

    model_config = ConfigDict(extra="ignore")

    type: str
    text: str = ""


class UiMessage(BaseModel):
    """A message of the AI SDK; clients of older versions have `content` in place of `parts`."""

    model_config = ConfigDict(extra="ignore")

    id: str = ""
    role: str
    parts: list[UiPart] = Field(default_factory=list)
    content: str = ""


class Chat(BaseModel):
    """The body of `/api/chat`, as `DefaultChatTransport` sends it; from `model` on it is ours.

    `ai_sdk` is the major version of the client's package `ai`.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    id: str
    messages: list[UiMessage]
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message_id: str | None = None
    model: str | Unset = UNSET
    system_prompt: str | Unset = UNSET
    client_message_id: str | Unset = UNSET
    ai_sdk: int = 6


class Subscription(BaseModel):
    """The input of `chat.streamResponse`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    assistant_message_id: str
    project_id: str
    last_event_id: str | None = None


def last_prompt(body: Chat) -> tuple[str, str | Unset]:
    """The text of the newest message, and the name that its sender gave it.

    A message that was edited keeps its name with another text, so it goes without one.

    Raises:
        ApplicationError: when it is not the user's, or has something else than text.
    """
    if not body.messages or body.messages[-1].role != "user":
        refuse("invalid_request", "messages: the last one must be the user's.")
    message = body.messages[-1]
    for part in message.parts:
        if part.type != "text":
            refuse("invalid_request", f"messages: a part of type {part.type!r:.80} is not text.")
    text = "".join(part.text for part in message.parts) or message.content
    is_edited = body.message_id is not None and body.trigger == "submit-message"
    return text, UNSET if is_edited or not message.id else message.id


async def read_body(request: web.Request, model: type[B]) -> B:
    """The request's body.

    Raises:
        ApplicationError: naming what is wrong with it.
    """
    return _checked(await request.read(), model, "the body")


def read_query(request: web.Request, model: type[B]) -> B:
    """The JSON of the parameter `input`.

    Raises:
        ApplicationError: naming what is wrong with it.
    """
    text = request.query.get("input")
    if text is None:
        refuse("invalid_request", "The query parameter input is missing.")
    return _checked(text.encode(errors="replace"), model, "input")


def _checked(text: bytes, model: type[B], name: str) -> B:
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        refuse("invalid_request", f"{name[0].upper()}{name[1:]} is not JSON: {error}.")
    return check_body(found, model, name)


def check_body(found: Any, model: type[B], name: str) -> B:
    """What a client has sent as JSON.

    Raises:
        ApplicationError: naming what is wrong with it.
    """
    if not isinstance(found, dict):
        refuse("invalid_request", f"{name[0].upper()}{name[1:]} must be a JSON object.")
    # An absent field and null are one thing to most clients.
    given = {key: value for key, value in found.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        refuse("invalid_request", f"{where}: {first['msg']}.")
