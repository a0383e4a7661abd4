"""The models that may be asked for."""

from reactive import QueryCtx, query
from reactive.ai.providers.scripted import MODELS


@query(name="list")
async def list_models(ctx: QueryCtx) -> list[str]:
    """The default model first, then those that need no key."""
    offline = [f"scripted/{name}" for name in MODELS]
    return list(dict.fromkeys([ctx.settings.model, *offline]))
