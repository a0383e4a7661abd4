"""The rows of the table: every figure that is shown, with its bounds.

W1 to W6 are driven by the official client in Node, which takes a part of every time, C's and F's
too. The light load of X1 and X3 takes next to none, so the same servers are further apart there.
Bounds without C or F say what must not grow with the size of something.
"""

from tests.bench.table import Measured, Row, at, growth

INSERTS = ("W4", "insert_32_writers")
COUNTER = ("W4", "counter_32_writers")
SUBSCRIBER_CPU = ("W2_1000", "server_cpu_us_per_update")
LAST_SUBSCRIBER = ("W2_1000", "last_subscriber", "p50_ms")
WRITE_CPU = "server_cpu_ms_per_write"


def missing_deliveries(measured: Measured) -> float:
    return at("W5", "goal")(measured) - at("W5", "delivered_deltas")(measured)


def transfer_errors(measured: Measured) -> float:
    """Calls that failed; a sum of money that changed counts as one more."""
    steps = [measured["W6_alpha0"], measured["W6_alpha1.5"]]
    return float(sum(step["errors"] + (not step["total_kept"]) for step in steps))


ROWS = (
    Row("W1", "write to delivery, p50, ms", at("W1", "deliver", "p50_ms"), 1.6, 1.3, "F"),
    Row("W1", "write to delivery, p99, ms", at("W1", "deliver", "p99_ms"), 2.5, 1.5, "F"),
    Row("W2", "server CPU per update at 1,000, us", at(*SUBSCRIBER_CPU), 1.5, 1.1, "F"),
    Row("W2", "query executions per write", at("counts", "query_executions_per_write"), 1),
    Row("W2", "last of 1,000 subscribers, ms", at(*LAST_SUBSCRIBER), 1.3, 1.0, "F"),
    Row("B", "CPU of send_str to CPU of a push", at("fanout", "bare_to_ours"), 0.7, 0.85,
        at_most=False),
    Row("W3", "CPU per write, 10,000 to 10", growth("W3_10", "W3_10000", WRITE_CPU), 1.2, 1.05),
    Row("W3", "p50, 10,000 to 10", growth("W3_10", "W3_10000", "latency", "p50_ms"), 1.3, 1.1),
    Row("W3", "set-up, subscriptions/s", at("W3_10000", "subs_per_s"), 0.4, 0.7, "F",
        at_most=False),
    Row("W4", "inserts/s, 32 writers", at(*INSERTS, "per_s"), 3, None, "C", at_most=False),
    Row("W4", "inserts/s, 32 writers", at(*INSERTS, "per_s"), 0.35, 0.6, "F", at_most=False),
    Row("W4", "increments/s of one counter", at(*COUNTER, "per_s"), 0.35, 0.6, "F", at_most=False),
    Row("W4", "increments lost", at(*COUNTER, "lost_updates"), 0),
    Row("W4", "conflicts seen by clients", at(*COUNTER, "failed"), 0),
    Row("W5", "deltas not delivered", missing_deliveries, 0),
    Row("W5", "delta to delivery, p99, ms", at("W5", "latency", "p99_ms"), 5, 2, "F"),
    Row("W5", "server CPU, s", at("W5", "server_cpu_s"), 1.6, 1.3, "F"),
    Row("W6", "contended to uncontended", growth("W6_alpha0", "W6_alpha1.5", "tps"), 0.9, 1.1,
        at_most=False),
    Row("W6", "uncontended transfers/s", at("W6_alpha0", "tps"), 0.25, 0.5, "F", at_most=False),
    Row("W6", "failed transfers", transfer_errors, 0),
    Row("M", "memory per idle subscription, KB", at("memory", "kb_per_subscription"), 4, 2),
    Row("M", "memory per connection, KB", at("memory", "kb_per_connection"), 50, 30),
    Row("Z", "kill to last of 1,000 clients current, s", at("restart", "current_last_s"), 10),
    Row("Z", "executions per distinct query", at("restart", "executions_per_key"), 1),
    Row("Z", "server CPU of the reconnects, s", at("restart", "server_cpu_s")),
    Row("G", "W1 p50, 1,000,000 to 1,000 documents",
        growth("small", "large", "W1", "deliver", "p50_ms"), 1.2, 1.05),
    Row("S", "many: delta to watcher, p50, ms", at("many", "p50_ms"), 30),
    Row("S", "many: delta to watcher, p99, ms", at("many", "p99_ms"), 60),
    Row("S", "crowd: delta to watcher, p50, ms", at("crowd", "p50_ms"), 30),
    Row("S", "crowd: delta to watcher, p99, ms", at("crowd", "p99_ms"), 60),
    Row("S", "bytes: MB per watcher", at("bytes", "mb_per_watcher"), 1.2),
    Row("S", "memory: growth, MB", at("memory", "memory_growth_mb"), 10),
    Row("V", "search of 100,000 x 256, p50, ms", at("V", "all", "p50_ms"), 200, 50),
    Row("V", "search of 100,000 x 256, p99, ms", at("V", "all", "p99_ms"), 400, 100),
    Row("V", "the same with a filter, p50, ms", at("V", "filtered", "p50_ms"), 100, 25),
    Row("V", "first search, which reads all, s", at("V", "first_s"), 60, 15),
    Row("X1", "1,000 queries per client: p50, ms", at("many", "p50_ms"), 2, 1.5, "F"),
    Row("X1", "the same: p99, ms", at("many", "p99_ms"), 2.5, 1.5, "F"),
    Row("X1", "the same: set-up, queries/s", at("many", "queries_per_s"), 0.2, 0.4, "F",
        at_most=False),
    Row("X1", "CPU per write, 1,000 to 10 per client", growth("few", "many", "cpu_us"), 1.2, 1.05),
    Row("X1", "executions per write", at("many", "executions"), 2),
    Row("X2", "1 of 1,000 rows changes: p50, ms", at("many", "p50_ms")),
    Row("X2", "the same: p99, ms", at("many", "p99_ms")),
    Row("X2", "CPU per change, 1,000 to 50 rows", growth("few", "many", "cpu_us"), 6, 4),
    Row("X2", "executions per change", at("many", "executions"), 2),
    Row("X3", "burst of 1,000: mutations/s", at("burst", "per_s"), 0.25, 0.35, "F", at_most=False),
    Row("X3", "CPU per mutation, us", at("burst", "cpu_us")),
    Row("X3", "query runs per burst", at("burst", "query_executions_per_burst"), 20),
    Row("X4", "insert under 3 pages x 20: p50, ms", at("pages", "p50_ms")),
    Row("X4", "the same: p99, ms", at("pages", "p99_ms")),
    Row("X4", "executions per insert", at("pages", "executions"), 2),
    Row("X5", "join of 50: p50, ms", at("joined", "p50_ms")),
    Row("X5", "CPU per write, joined to plain", growth("plain", "joined", "cpu_us"), 4, 2.5),
    Row("X5", "executions per rename", at("renamed", "executions"), 2),
    Row("X6", "first answer on 1 GB to on nothing", growth("empty", "large", "first_answer_s"),
        1.5, 1.1),
    Row("X6", "first answer on 1 GB, s", at("large", "first_answer_s")),
)  # fmt: skip
