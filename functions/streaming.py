"""The action that server code calls: it makes an answer and returns when it is over."""

from functions import messages, stream_events, streams, threads
from functions._checks import refuse
from reactive import UNSET, ActionCtx, Unset, action
from reactive.ai import wait_for_end


@action
async def stream_chat_with_tools(
    ctx: ActionCtx,
    task_id: str,
    prompt: str,
    model: str | Unset = UNSET,
    system_prompt: str | Unset = UNSET,
    llm_model: str | Unset = UNSET,
    api_keys: dict[str, str] | Unset = UNSET,
    client_message_id: str | Unset = UNSET,
) -> dict[str, object]:
    """Answers a prompt in a thread, named by its id or external id; `llm_model` wins over `model`.

    Sent again under the same `client_message_id` it waits for the answer that is there already.
    The keys are used for this call only, and never stored, logged or shown.

    Raises:
        ApplicationError: when there is no such thread, or the message is refused.
    """
    thread_id = await ctx.run_query(threads.find, name=task_id)
    if thread_id is None:
        refuse("not_found", f"There is no thread {task_id!r}.")
    sent, is_new = await ctx.run_mutation(
        messages.prepare,
        thread_id=thread_id,
        prompt=prompt,
        model=model if isinstance(llm_model, Unset) else llm_model,
        system_prompt=system_prompt,
        client_message_id=client_message_id,
    )
    if is_new:
        keys = {} if isinstance(api_keys, Unset) else api_keys
        await streams.make_answer(ctx, sent.stream_id, keys)
    else:
        await wait_for_end(ctx, stream_events.get_stream_events, sent.stream_id)
    message = await ctx.run_query(streams.message_of, stream_id=sent.stream_id)
    return {
        "messageId": sent.message_id,
        "streamId": sent.stream_id,
        "stopped": message.status == "stopped",
        "finishReason": None if isinstance(message.finish_reason, Unset) else message.finish_reason,
        "usage": None if isinstance(message.usage, Unset) else message.usage,
    }
