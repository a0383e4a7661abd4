"""The functions that the kit's client calls, written as any user of the framework would."""

from reactive import ApplicationError, Id, MutationCtx, QueryCtx, mutation, query
from schema import Account, Counter, Message, Stream


@query
async def latest(ctx: QueryCtx, channel: str) -> list[Message]:
    """The newest 50 messages of a channel, newest first."""
    messages = ctx.db.query(Message).with_index("by_channel", channel=channel)
    return await messages.order("desc").take(50)


@mutation
async def insert(ctx: MutationCtx, channel: str, seq: int, body: str) -> Id[Message]:
    return await ctx.db.insert(Message(channel=channel, seq=seq, body=body))


@mutation
async def incr(ctx: MutationCtx, key: str) -> None:
    found = await ctx.db.query(Counter).with_index("by_key", key=key).unique()
    if found is None:
        await ctx.db.insert(Counter(key=key, value=1))
    else:
        await ctx.db.patch(found.id, value=found.value + 1)


@query
async def counter(ctx: QueryCtx, key: str) -> int:
    found = await ctx.db.query(Counter).with_index("by_key", key=key).unique()
    return 0 if found is None else found.value


@mutation(name="setStream")
async def set_stream(ctx: MutationCtx, id: str, n: int, text: str) -> None:
    found = await ctx.db.query(Stream).with_index("by_name", name=id).unique()
    if found is None:
        await ctx.db.insert(Stream(name=id, n=n, text=text))
    else:
        await ctx.db.patch(found.id, n=n, text=text)


@query
async def stream(ctx: QueryCtx, id: str) -> Stream | None:
    return await ctx.db.query(Stream).with_index("by_name", name=id).unique()


@mutation
async def seed(ctx: MutationCtx, start: int, count: int, balance: int) -> None:
    for number in range(start, start + count):
        await ctx.db.insert(Account(number=number, balance=balance))


@mutation
async def transfer(ctx: MutationCtx, from_id: int, to_id: int, amount: int) -> None:
    payer = await ctx.db.query(Account).with_index("by_number", number=from_id).unique()
    payee = await ctx.db.query(Account).with_index("by_number", number=to_id).unique()
    if payer is None or payee is None:
        raise ApplicationError("no such account")
    if payer.balance >= amount:
        await ctx.db.patch(payer.id, balance=payer.balance - amount)
        await ctx.db.patch(payee.id, balance=payee.balance + amount)


@query
async def total(ctx: QueryCtx) -> int:
    """All balances, so that the kit sees whether a transfer ever loses money."""
    return sum(account.balance for account in await ctx.db.query(Account).collect())
