"""Every bound and interval of the server in one place.

Numbers that an author or a client can observe are Convex's published ones; the others say why.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that a server runs with. Times are in the unit that the name ends with."""

    # Values (Convex, "Limits").
    document_bytes_max: int = 1 * MIB
    document_depth_max: int = 16
    value_depth_max: int = 64
    array_items_max: int = 8_192
    object_fields_max: int = 1_024
    argument_bytes_max: int = 16 * MIB
    result_bytes_max: int = 16 * MIB

    # One transaction (Convex, "Limits").
    documents_read_max: int = 32_000
    bytes_read_max: int = 16 * MIB
    ranges_read_max: int = 4_096
    documents_written_max: int = 16_000
    bytes_written_max: int = 16 * MIB
    call_depth_max: int = 8
    page_items_max: int = 32_000
    page_split_items: int = 6_144  # a page longer than this recommends a split

    # Running functions.
    user_time_s: float = 1.0  # of a query's or a mutation's own code
    loop_hold_s: float = 0.2  # a function that holds the event loop longer moves to a thread
    system_time_s: float = 15.0  # of a query or a mutation as a whole, waiting included
    action_time_s: float = 1_800.0
    worker_threads: int = 8
    log_lines_max: int = 256
    log_line_bytes_max: int = 32_768
    error_text_bytes_max: int = 64 * KIB
    mutation_attempts_max: int = 5
    retry_backoff_s: float = 0.1

    # Commits. A batch is capped so that the first mutation of a turn does not wait for the last.
    commit_batch_max: int = 128
    commit_queue_max: int = 10_000

    # History kept for snapshots, late subscriptions and conflict checks.
    log_entries_max: int = 20_000
    log_bytes_max: int = 32 * MIB
    log_age_s: float = 60.0
    receipt_age_s: float = (
        14 * 24 * 3600.0
    )  # how long a mutation is recognised when it is sent again

    # Results kept for queries that nobody watches at the moment.
    cache_bytes_max: int = 64 * MIB
    cache_entries_max: int = 20_000

    # One socket.
    frame_bytes_max: int = 64 * MIB
    session_mutations_max: int = 1_000
    session_actions_max: int = 1_000
    session_queries_max: int = 20_000
    session_buffer_bytes_max: int = 64 * MIB  # unread answers of one client, then it is closed
    transitions_waiting_max: int = 2
    round_slice_s: float = 0.010  # live queries of so long, then other sockets have their turn
    resend_s: float = 0.25  # how long a client that comes back may take to send its mutations again
    ping_idle_s: float = 15.0  # a JavaScript client gives up after 60 s without a message
    socket_ping_s: float = 5.0  # a Rust client gives up after 30 s without any frame
    socket_silence_s: float = 120.0
    chunk_bytes: int = 1 * MIB  # Node's own WebSocket breaks on messages near 4 MiB
    fragment_bytes: int = 4 * MIB  # tungstenite breaks on frames above 16 MiB

    # The process.
    http_body_bytes_max: int = 16 * MIB + 2_000
    drain_s: float = 5.0  # of ten seconds between SIGTERM and the end


DEFAULT_LIMITS = Limits()
