"""OpenRouter: the wire of Chat Completions with its own address, key and error frames.

Its comment lines (`: OPENROUTER PROCESSING`) are the SDK's to skip. An error in mid-answer is a
chunk with an `error` beside choices whose `finish_reason` is `error`; a model's thoughts are in
`delta.reasoning`. Models have a slash of their own: `openrouter/vendor/model`.
"""

from collections.abc import Mapping

from reactive.ai.providers.endpoint import endpoint_of
from reactive.ai.providers.openai_chat import OpenAIChat


def openrouter(environment: Mapping[str, str]) -> OpenAIChat:
    """The provider."""
    return OpenAIChat("openrouter", endpoint_of("openrouter", environment))
