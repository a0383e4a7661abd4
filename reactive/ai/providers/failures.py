"""What a provider's failures are called here.

Nothing of a provider's own text gets into a message: some repeat the key that they were given. Only
its error codes do, if they look like the short words that error codes are.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio
import httpx2

from reactive.ai.providers.base import ErrorCode, ProviderError
from reactive.ai.providers.parts import Parts

_WORD = re.compile(r"[a-z]{2,24}([_-][a-z]{1,24}){0,6}")

_BY_STATUS: Final[dict[int, tuple[ErrorCode, bool]]] = {
    401: ("provider_auth", False),
    402: ("provider_auth", False),
    403: ("provider_auth", False),
    408: ("provider_error", True),
    409: ("provider_error", True),
    425: ("provider_error", True),
    429: ("rate_limited", True),
    503: ("overloaded", True),
    529: ("overloaded", True),
}

_BY_WORD: Final[dict[str, tuple[ErrorCode, bool]]] = {
    "overloaded_error": ("overloaded", True),
    "overloaded": ("overloaded", True),
    "server_overloaded": ("overloaded", True),
    "engine_overloaded": ("overloaded", True),
    "slow_down": ("overloaded", True),
    "rate_limit_error": ("rate_limited", True),
    "rate_limit_exceeded": ("rate_limited", True),
    "rate_limited": ("rate_limited", True),
    # No waiting helps: the account is empty.
    "insufficient_quota": ("rate_limited", False),
    "authentication_error": ("provider_auth", False),
    "permission_error": ("provider_auth", False),
    "billing_error": ("provider_auth", False),
    "invalid_api_key": ("provider_auth", False),
    "invalid_request_error": ("invalid_request", False),
    "not_found_error": ("invalid_request", False),
    "request_too_large": ("invalid_request", False),
    "model_not_found": ("invalid_request", False),
    "invalid_prompt": ("invalid_request", False),
    "context_length_exceeded": ("invalid_request", False),
}


def of_status(
    name: str, status: int, words: tuple[object, ...], headers: Mapping[str, str]
) -> ProviderError:
    """The provider answered the request itself with an error; `words` are its codes for it."""
    code, retryable = _BY_STATUS.get(status) or _of_range(status)
    if "insufficient_quota" in words:
        retryable = False
    return ProviderError(
        code,
        f"{name} answered with HTTP status {status}{_named(words)}",
        retryable=retryable,
        retry_after=retry_after(headers) if retryable else None,
    )


def _of_range(status: int) -> tuple[ErrorCode, bool]:
    if 400 <= status < 500:
        return "invalid_request", False
    return ("provider_error", True) if status >= 500 else ("provider_protocol", False)


def of_words(name: str, words: tuple[object, ...]) -> ProviderError:
    """The provider began to answer, then sent an error; `words` are its codes for it."""
    code: ErrorCode = "provider_error"
    retryable = True
    for word in words:
        text = str(word)
        if text.isdecimal() and len(text) == 3:
            code, retryable = _BY_STATUS.get(int(text)) or _of_range(int(text))
            break
        if text in _BY_WORD:
            code, retryable = _BY_WORD[text]
            break
    return ProviderError(code, f"{name} broke its answer off{_named(words)}", retryable=retryable)


def _named(words: tuple[object, ...]) -> str:
    for word in words:
        if isinstance(word, str) and _WORD.fullmatch(word):
            return f": {word}"
    return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a provider asks to wait, None when it does not say (RFC 9110, 10.2.3).

    A date is compared with the answer's own, so that the clocks need not agree.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None:
        return seconds
    then, now = _date(text), _date(headers.get("date"))
    if then is None or now is None:
        return None
    return max(0.0, (then - now).total_seconds())


def _number(text: str | None) -> float | None:
    if text is None or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()):
        return None
    return float(text)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def disconnected(name: str) -> ProviderError:
    """The connection broke, or there was none."""
    return ProviderError(
        "provider_disconnect", f"the connection to {name} was lost", retryable=True
    )


def silent(name: str, error: BaseException, parts: Parts) -> ProviderError:
    """The SDK itself has waited for too long."""
    if isinstance(error, httpx2.ConnectTimeout) or isinstance(
        error.__cause__, httpx2.ConnectTimeout
    ):
        return disconnected(name)
    if parts.has_token:
        return ProviderError("timeout_between_tokens", f"{name} fell silent", retryable=False)
    return ProviderError("timeout_first_token", f"{name} did not answer", retryable=True)


def incomplete(name: str) -> ProviderError:
    """The answer ended, and the provider has not said that it was over."""
    return ProviderError("incomplete", f"{name} ended its answer without saying so", retryable=True)


def empty(name: str) -> ProviderError:
    """There was an answer, but none of a model's."""
    return ProviderError("empty_response", f"{name} sent no answer of a model")


def nothing(name: str, content_type: str) -> ProviderError:
    """A body has ended in which there was not one event."""
    is_stream = content_type.partition(";")[0].strip().lower() == "text/event-stream"
    return incomplete(name) if is_stream else empty(name)


@contextmanager
def network(name: str, parts: Parts) -> Iterator[None]:
    """Names what goes wrong below an SDK and what it does not understand.

    Raises:
        ProviderError: with the right code, without the text of the original.
    """
    try:
        yield
    except httpx2.TimeoutException as error:
        raise silent(name, error, parts) from None
    except (httpx2.RequestError, httpx2.StreamError, anyio.EndOfStream, OSError):
        # The last two are what some failures of TLS look like.
        raise disconnected(name) from None
    except httpx2.InvalidURL:
        raise ProviderError("invalid_request", f"the base URL of {name} is no URL") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        # Broken JSON, broken UTF-8, or JSON of another shape than the SDK's types promise.
        raise ProviderError(
            "provider_protocol",
            f"{name} sent what cannot be read ({type(error).__name__})",
            retryable=True,
        ) from None
