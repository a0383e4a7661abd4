"""What tokens cost, in millionths of a dollar; an unknown model costs nothing that we know of.

List prices per million tokens as the providers publish them; an app that needs its own sets them
with `set_price`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Of input tokens that the provider had cached; as others where it is None."""


_PRICES: dict[str, Price] = {}


def set_price(model: str, price: Price) -> None:
    """Sets what a model (`provider/model`) costs."""
    _PRICES[model] = price


def cost_micros(model: str, used: Mapping[str, int]) -> int:
    """What this use of a model costs."""
    price = _PRICES.get(model)
    if price is None:
        return 0
    cached = used["cached_tokens"]
    fresh = used["input_tokens"] - cached
    cached_price = price.input if price.cached is None else price.cached
    return round(fresh * price.input + cached * cached_price + used["output_tokens"] * price.output)
