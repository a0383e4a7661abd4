"""Where a provider is reached and by which key: the variables that its own SDK reads."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reactive.ai.providers.base import ProviderError, Request


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider's variables. They are read for each request, so a new key needs no restart."""

    name: str
    """What `apiKeys` calls the provider."""
    key_variable: str
    url_variable: str
    default_url: str
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def key(self, request: Request) -> str:
        """The key of the request, or else the environment's.

        Raises:
            ProviderError: `provider_auth`, naming the variable, when there is none or it could not
                be sent in a header.
        """
        key = (request.api_key or self.environment.get(self.key_variable, "")).strip()
        if not key:
            raise ProviderError(
                "provider_auth",
                f"there is no key for {self.name}: set {self.key_variable}, or give one in"
                f" apiKeys.{self.name}",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ProviderError("provider_auth", f"the key for {self.name} is none: bad characters")
        return key

    def url(self) -> str:
        """The base URL, as the SDK takes it."""
        return self.environment.get(self.url_variable, "").strip() or self.default_url


_ENDPOINTS: Final = {
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "openrouter": ("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1"),
}


def endpoint_of(name: str, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Where the provider is reached that `apiKeys` calls so."""
    return Endpoint(name, *_ENDPOINTS[name], environment)
