"""What a mutation reads is the snapshot with its own writes on top, whatever it has read before.

Checked against a dictionary, through `ctx.db`: documents that a scan has found are not read again,
and a nested mutation that fails takes its writes with it.
"""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.runtime.harness import serving

State = dict[int, list[Any]]
Step = list[Any]

rows = st.integers(0, 2)
ranks = st.integers(0, 9).map(float)
simple = st.one_of(
    st.just(["list"]),
    st.tuples(st.just("get"), rows).map(list),
    st.tuples(st.sampled_from(["patch", "replace"]), rows, ranks).map(list),
    st.tuples(st.just("delete"), rows).map(list),
)
steps = st.recursive(
    st.lists(simple, max_size=6),
    lambda inner: st.lists(simple | st.tuples(st.just("nested"), inner).map(list), max_size=6),
    max_leaves=4,
)


def simulate(state: State, given_steps: list[Step]) -> tuple[list[Step], list[Any]]:
    """The steps that are possible, and what they see; the state is changed."""
    taken: list[Step] = []
    seen: list[Any] = []
    for step in given_steps:
        what, *given_values = step
        at: Any = given_values[0] if given_values else None
        if what == "list":
            seen.append(sorted(state.values(), key=lambda row: (row[1], row[2])))
        elif what == "nested":
            inner, found = simulate(dict(state), at)
            seen.append(found)
            step = ["nested", inner]
        elif what == "get":
            seen.append(state.get(at))
        elif at not in state:
            continue
        elif what == "delete":
            del state[at]
        else:
            label = state[at][0] if what == "patch" else "replaced"
            state[at] = [label, given_values[1], at]
        taken.append(step)
    return taken, seen


def without_numbers(seen: Any) -> Any:
    """What the function tells of a row, which does not know its number."""
    if isinstance(seen, list) and len(seen) == 3 and isinstance(seen[0], str):
        return seen[:2]
    return list(map(without_numbers, seen)) if isinstance(seen, list) else seen


def with_ids(taken: list[Step], ids: list[str]) -> list[Step]:
    named: list[Step] = []
    for what, *rest in taken:
        if what == "nested":
            rest = [with_ids(rest[0], ids)]
        elif rest:
            rest = [ids[rest[0]], *rest[1:]]
        named.append([what, *rest])
    return named


@settings(max_examples=30)
@example([[["nested", [["patch", 0, 5.0], ["delete", 1], ["list"]]], ["get", 0], ["get", 1]]])
@given(st.lists(steps, min_size=1, max_size=3))
async def test_reads_and_writes_of_mutations(mutations: list[list[Step]]) -> None:
    async with serving() as server:
        state: State = {}
        ids = []
        for number, label in enumerate("xyz"):
            ids.append(await server.mutate("steps:add", label=label, rank=float(number)))
            state[number] = [label, float(number), number]
        for each in mutations:
            taken, seen = simulate(state, each)

            found = await server.mutate("steps:take", steps=with_ids(taken, ids))

            assert found == without_numbers(seen)
