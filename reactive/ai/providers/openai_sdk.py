"""What both wires of the `openai` SDK share: its client, and its exceptions."""

from collections.abc import Iterator
from contextlib import contextmanager

import openai

from reactive.ai.providers import failures
from reactive.ai.providers.base import ProviderError, Request, ToolAnswer
from reactive.ai.providers.endpoint import Endpoint
from reactive.ai.providers.parts import Parts
from reactive.ai.providers.transport import RETRIES, TIMEOUT, http_client


def client(endpoint: Endpoint, request: Request) -> openai.AsyncOpenAI:
    """The SDK's client for one request.

    Raises:
        ProviderError: when there is no key.
    """
    key = endpoint.key(request)
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=endpoint.url(),
        max_retries=RETRIES,
        timeout=TIMEOUT,
        http_client=http_client(),
    )


@contextmanager
def guard(name: str, parts: Parts) -> Iterator[None]:
    """Names what the SDK raises.

    Raises:
        ProviderError: with the right code, without the text of the original.
    """
    with failures.network(name, parts):
        try:
            yield
        except openai.APITimeoutError as error:
            raise failures.silent(name, error, parts) from None
        except openai.APIConnectionError:
            raise failures.disconnected(name) from None
        except openai.APIStatusError as error:
            found = failures.of_status(
                name, error.status_code, (error.code, error.type), error.response.headers
            )
            raise found from None
        except openai.APIError as error:
            raise failures.of_words(name, (error.code, error.type)) from None
        except openai.OpenAIError as error:
            raise ProviderError(
                "invalid_request", f"{name} cannot be asked so ({type(error).__name__})"
            ) from None


def error_words(error: object) -> tuple[object, ...]:
    """The codes of an error that came as plain JSON."""
    if not isinstance(error, dict):
        return ()
    return (error.get("code"), error.get("type"))


def told(answer: ToolAnswer) -> str:
    """A tool's answer: this wire has no mark for a failed one."""
    return f"error: {answer.text}" if answer.is_error else answer.text
