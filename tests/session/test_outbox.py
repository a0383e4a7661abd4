"""How far behind a client may be."""

from dataclasses import replace

from reactive.limits import DEFAULT_LIMITS
from reactive.session.outbox import Outbox

LIMITS = replace(DEFAULT_LIMITS, transitions_waiting_max=2, session_buffer_bytes_max=1_000)


def test_client_that_reads_is_never_full() -> None:
    outbox = Outbox(LIMITS)
    for _ in range(10):
        outbox.sent_transition()

        assert not outbox.is_full(buffered=0)


def test_two_unread_transitions_are_enough() -> None:
    outbox = Outbox(LIMITS)

    assert not outbox.is_full(buffered=10)

    outbox.sent_transition()

    assert not outbox.is_full(buffered=10)

    outbox.sent_transition()

    assert outbox.is_full(buffered=10)
    assert outbox.is_full(buffered=1)


def test_client_that_has_read_all_is_sent_more() -> None:
    outbox = Outbox(LIMITS)
    outbox.sent_transition()
    outbox.sent_transition()

    assert outbox.is_full(buffered=10)
    assert not outbox.is_full(buffered=0)
    # The count began again: one more unread one is no reason to wait.
    outbox.sent_transition()

    assert not outbox.is_full(buffered=10)


def test_bytes_have_a_bound_of_their_own() -> None:
    outbox = Outbox(LIMITS)

    assert not outbox.is_overflowing(buffered=1_000)
    assert outbox.is_overflowing(buffered=1_001)
