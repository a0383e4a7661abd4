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

    # Indexes of one table, and fields of one index (Convex, "Limits" and its code).
    indexes_max: int = 64
    index_fields_max: int = 16

    # Vector search (Convex, "Limits").
    vector_indexes_max: int = 4  # of one table
    vector_dimensions_min: int = 2
    vector_dimensions_max: int = 4_096
    vector_filter_fields_max: int = 16  # of one index
    vector_filters_max: int = 64  # of one search
    vector_default_items: int = 10  # results of a search that names no limit
    vector_results_max: int = 256
    vector_threads: int = 2  # searches at once; further ones wait

    # Full-text search (Convex, "Limits").
    search_indexes_max: int = 4  # of one table
    search_filter_fields_max: int = 16  # of one index
    search_filters_max: int = 8  # of one search, as are the next two
    search_terms_max: int = 16
    search_results_max: int = 1_024
    search_term_bytes_max: int = 32  # a longer word is in no index

    # Scheduled functions and recurring jobs (Convex, "Limits").
    jobs_scheduled_max: int = 1_000  # by one mutation
    job_arguments_bytes_max: int = 16 * MIB  # of all that one mutation schedules
    job_argument_bytes_max: int = 4 * MIB  # of one
    job_horizon_s: float = 5 * 365.25 * 24 * 3600.0
    jobs_running_max: int = 256
    job_backoff_s: float = 0.5  # after an error of the server's own, doubled up to
    job_backoff_max_s: float = 2 * 3600.0
    job_age_s: float = 7 * 24 * 3600.0  # how long a finished one can be looked at
    jobs_forgotten_max: int = 500  # by one transaction, so that it stays short
    cron_logs_max: int = 5  # of one recurring job
    cron_text_max: int = 1_000  # characters of an error that are kept with a run

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

    # AI answers.
    segment_characters_min: int = 320  # of a growing text, until a client is sent a fresh row
    segment_parts_min: int = 64  # a text is in; a row that begins later may become longer
    flush_s: float = 0.04  # between two transactions with text of one stream
    flush_gap_s: float = 0.005  # between two transactions, so that what is urgent meets others
    flush_crowd_min: int = 64  # streams, from which on all of them share each transaction
    flush_crowd_gap_s: float = 0.05  # between two transactions then, so that there are 20 a second
    flush_characters_max: int = 512  # of one stream, then it waits no longer
    flush_streams_max: int = 200  # in one transaction
    heartbeat_s: float = 3.0
    lease_s: float = 10.0  # without a heartbeat, then the stream is orphaned
    stop_look_s: float = 0.15  # how often a silent stream looks whether it is to stop
    stream_unwritten_s: float = 10.0  # of failing commits, then the stream fails
    stream_unwritten_bytes: int = 256 * KIB
    stream_kept_s: float = 600.0  # that an answer which is over may wait in memory for its store
    stream_kept_look_s: float = 0.25
    tool_time_s: float = 60.0
    tool_output_characters_max: int = 128 * KIB  # as JSON
    tool_error_characters_max: int = 4_000
    answer_bytes_max: int = 1_000 * KIB  # what a model says in all, which a document has to hold
    answer_steps_max: int = 16  # requests of one answer, tools between them
    attempts_max: int = 3  # at one answer
    attempt_backoff_s: float = 0.5  # before the second, doubled before the third
    attempt_backoff_max_s: float = 20.0
    reader_look_s: float = 1.0  # at a log that another process may write
    reader_idle_s: float = 15.0  # a comment is sent, so that a connection is seen to live
    reader_stall_s: float = 60.0  # that a reader may take no byte, then it is given up
    reader_gone_s: float = 0.5  # within which a reader that has gone away is noticed
    watchers_max: int = 1_000  # of one thread
    watcher_bytes_max: int = 1_024  # of what one says of itself
    watcher_silent_s: float = 20.0  # that one without a connection may be silent
    watchers_gap_s: float = 0.05  # between two looks at them that a client is sent
    flag_decisions_forgotten_max: int = 500  # that are removed in one transaction
    task_entries_max: int = 1_000  # of one kind and thread that a socket is told when it joins
    external_id_characters_max: int = 200  # of a thread's name in another system
    answer_tokens_max: int = 8_192  # of one request, where a provider wants to be told
    trial_drain_s: float = 5.0  # that what measures an answer may take longer than the answer
    metric_models_max: int = 32  # whose names are labels, so that their number is bounded
    provider_connect_s: float = 10.0
    provider_silence_s: float = 900.0  # a last resort: the time-outs of the settings come before

    # Commits. A batch is capped so that the first mutation of a turn does not wait for the last.
    commit_batch_max: int = 128
    commit_interval_s: float = 0.005  # clients who shared a commit are waited for so long since
    commit_company_max: int = 16  # so many wait for nobody
    commit_queue_max: int = 10_000

    # Work on all documents of a table, in slices after which others have their turn.
    slice_documents_max: int = 200
    slice_bytes_max: int = 256 * KIB
    slice_s: float = 0.01
    count_slice_max: int = 20_000  # keys
    progress_s: float = 1.0  # before long work tells how far it is; each time twice as long

    # History kept for snapshots, late subscriptions and conflict checks.
    log_entries_max: int = 20_000
    log_bytes_max: int = 8 * MIB
    log_age_s: float = 60.0
    receipt_age_s: float = (
        14 * 24 * 3600.0
    )  # how long a mutation is recognised when it is sent again
    receipts_unindexed_max: int = 512  # known in memory, then a commit puts them into their index

    # Results kept for queries that nobody watches at the moment.
    cache_bytes_max: int = 64 * MIB
    cache_entries_max: int = 20_000
    recent_documents_bytes_max: int = 4 * MIB  # read by id or changed of late; the oldest go
    recent_ranges_max: int = 5_000  # of an index, each of at most so many rows
    recent_range_rows_max: int = 4
    recent_windows_max: int = 5_000  # parts of longer ranges, each of at most so many rows
    recent_window_rows_max: int = 1_024
    recent_windows_bytes_max: int = 16 * MIB
    recent_parsed_max: int = 1_000  # documents of one table, each of at most so many bytes
    recent_parsed_bytes_max: int = 8 * KIB
    recent_arguments_max: int = 1_000  # of one query, each of at most so many bytes
    recent_arguments_bytes_max: int = 1 * KIB

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

    # One socket of a project's own events (Socket.IO).
    socket_message_bytes_max: int = 1_000_000  # of one message from a client
    socket_packets_max: int = 16  # in one answer to a poll; a Python client takes no more
    socket_received_packets_max: int = 1_000  # in one request of a client that polls
    socket_events_max: int = 100  # of one client that wait for the one before them
    socket_unsent_bytes_max: int = 64 * KIB  # then a client is sent no more until it takes some
    socket_close_s: float = 1.0  # for a client to say goodbye, too

    # Files. Convex gives an upload two minutes, which a gigabyte on a slow line would not keep.
    file_bytes_max: int = 1024 * MIB
    file_chunk_bytes: int = 256 * KIB  # what is read or written at once
    upload_url_s: float = 3_600.0  # how long a URL to upload to is good for
    upload_s: float = 1_800.0  # one upload, from the first byte to the last
    transfer_stall_s: float = 60.0  # without a byte an upload or a download is given up
    file_orphan_s: float = 3_600.0  # how old a file must be to be removed because nothing names it
    file_sweep_s: float = 3_600.0  # between two searches for such files
    file_deletions_max: int = 100  # by one transaction, so that it stays short
    file_retry_s: float = 10.0  # after files could not be removed

    # User tokens and the keys of those who issue them (RFC 8725; Convex for the leeway).
    auth_token_bytes_max: int = 16 * KIB
    auth_leeway_s: float = 5.0
    auth_fetch_s: float = 5.0  # one document of an issuer, from the first byte to the last
    auth_document_bytes_max: int = 64 * KIB
    auth_keys_s: float = 3_600.0  # how old keys may be; at half of it they are asked for again
    auth_keys_stale_s: float = 24 * 3600.0  # the same while their issuer does not answer
    auth_refetch_s: float = 30.0  # between two questions that unknown keys cause
    auth_retry_s: float = 1.0  # between two questions while there are no keys at all
    auth_unknown_keys_max: int = 256

    # The Python client.
    client_connect_s: float = 10.0
    client_silence_s: float = 30.0  # without any frame of the server, its pings included
    client_close_s: float = 2.0
    client_backoff_s: float = 0.1  # before the first new attempt; each later one waits longer
    client_overload_backoff_s: float = 3.0
    client_backoff_max_s: float = 15.0
    client_calls_max: int = 900  # of one kind under way; a server closes at 1,000
    client_token_leeway_s: float = 10.0  # so long before its end a token is replaced
    client_token_age_min_s: float = 1.0
    client_token_age_max_s: float = 20 * 24 * 3600.0
    client_token_attempts_max: int = 3

    # The log of functions, for those who follow it.
    log_feed_bytes_max: int = 4 * MIB  # what one follower has not read; then the oldest is dropped
    log_feed_idle_s: float = 15.0  # an empty line is sent, so that a connection is seen to live

    # Import.
    import_line_bytes_max: int = 64 * MIB  # of JSON text: escapes make it longer than its value
    import_problems_max: int = 10  # that are told at once

    # The process.
    http_body_bytes_max: int = 16 * MIB + 2_000
    endpoint_body_bytes_max: int = 20 * MIB  # that an endpoint reads at once (Convex, "Limits")
    disk_free_bytes_min: int = 512 * MIB  # on the store's disk, or `reactive doctor` says so
    clock_behind_s: float = 1.0  # the store's newest commit, or `reactive doctor` says so
    watch_s: float = 1.0  # `reactive dev` looks for edits that it was not told of
    drain_s: float = 5.0  # of ten seconds between SIGTERM and the end


DEFAULT_LIMITS = Limits()
