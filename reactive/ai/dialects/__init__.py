"""One log, read in the words of each kind of client. Pure: stored events to what is sent."""

from reactive.ai.dialects.ai_sdk import AiSdk
from reactive.ai.dialects.base import Dialect
from reactive.ai.dialects.socketio import SocketIo
from reactive.ai.dialects.sse import PlainText, Sse
from reactive.ai.dialects.trpc import Trpc

__all__ = ["AiSdk", "Dialect", "PlainText", "SocketIo", "Sse", "Trpc"]
