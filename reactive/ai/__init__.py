"""AI answers that appear as they are made, to everybody who watches, and are never lost."""

from reactive.ai.answering import answer, repeat, wait_for_end
from reactive.ai.tools import Tool, ToolSet, tool

__all__ = ["Tool", "ToolSet", "answer", "repeat", "tool", "wait_for_end"]
