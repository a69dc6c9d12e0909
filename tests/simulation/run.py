"""
Runs by number: a seed makes a list of moves, the list is run, everything drains, every invariant is checked. A seed that
fails is cut down to the moves that it takes, and prints them.

The generator is our own and not Hypothesis's, whose runs are not known by a number that outlives its version, and which
begins every number with the same small cases. As there, a failure shrinks: a move draws its chances from its own number,
so that leaving one out leaves the others what they were.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

import time_machine

from tests.simulation import invariants
from tests.simulation.server import Server
from tests.simulation.tablet import Tablet
from tests.simulation.world import MOVES, Broken, Rig, World, pair_again

STEPS = 100
# A drain that takes longer than this many exchanges of one tablet does not end.
_MOST_ROUNDS = 60
# What runs as the tablets; the test of the shrinking plants a fault here.
TABLET: type[Tablet] = Tablet


class Step(NamedTuple):
    """
    One move of a script, and the number that its chances are drawn from.
    """

    name: str
    chance: int

    def __str__(self) -> str:
        return f"{self.name} {self.chance}"


class Failure(AssertionError):
    """
    A seed under which an invariant breaks, and the fewest moves that were found to break it.
    """


def script(seed: int) -> list[Step]:
    """
    Return the moves of a seed. Each seed has its own mixture of them: some never happen in it, some often.
    """
    rng = Random(f"moves of {seed}")
    weights = {name: move.weight * rng.choice([0.2, 1, 1, 1, 2.5]) for name, move in MOVES.items()}
    for name in rng.sample(sorted(MOVES), 4):
        weights[name] = 0
    names = sorted(weights)
    chosen = rng.choices(names, [weights[name] for name in names], k=STEPS)
    return [Step(name, rng.getrandbits(48)) for name in chosen]


@contextmanager
def played(
    seed: int,
    steps: Sequence[Step] | None = None,
    *,
    prelude: Sequence[Callable[[World], None]] = (),
    tablet_class: type[Tablet] | None = None,
    server_class: type[Server] = Server,
) -> Iterator[World]:
    """
    Run a seed, or other moves in its world, drain it, and give the world to be looked at, in its own time. ``prelude`` is
    done before the moves.

    :raises Broken: an invariant did not hold on the way.
    """
    server = server_class()
    with time_machine.travel(0, tick=False) as traveller:
        try:
            world = World(seed, server, traveller, tablet_class=tablet_class or TABLET)
            for act in prelude:
                act(world)
            for step in script(seed) if steps is None else steps:
                world.step(*step)
            drain(world)
            yield world
        finally:
            server.forget_backup()


def run(seed: int, steps: Sequence[Step] | None = None) -> Counter[str]:
    """
    Run a seed, or other moves in its world, to the end, check every invariant, and return what happened, counted.

    :raises Broken: an invariant does not hold.
    """
    with played(seed, steps) as world:
        invariants.check_all(world)
        return world.counts


def drain(world: World) -> None:
    """
    Heal the network, let what is on its way arrive or be lost, and let every tablet exchange until nothing changes.
    """
    rng = Random(f"drain of {world.seed}")
    world.server.fault = None
    for sent in rng.sample(world.requests, len(world.requests)):
        if rng.random() < 0.5 and (back := world.serve(sent)) is not None:
            world.answers.append(back)
    world.requests.clear()
    for back in rng.sample(world.answers, len(world.answers)):
        if rng.random() < 0.5:
            world.arrive(back)
    world.answers.clear()
    for rig in world.rigs:
        rig.tablet.crash_next = None
        rig.tablet.line = None
        _drain_one(world, rig)
    if rng.random() < 0.7:
        for rig in world.rigs:
            for person in world.crews[rig.unit]:
                if not world.streams_of(rig.tablet.store.token):
                    world.sign_on(rig, person)
    # What one tablet sends changes what another holds: until a whole turn has changed nothing.
    for _ in range(8):
        before = [_state(rig) for rig in world.rigs]
        for rig in world.rigs:
            _drain_one(world, rig)
        if [_state(rig) for rig in world.rigs] == before:
            return
    raise Broken(4, "convergence", "the tablets go on exchanging news although nothing happens any more")


def _drain_one(world: World, rig: Rig) -> None:
    for _ in range(_MOST_ROUNDS):
        world.round(rig, most=1)
        if rig.unknown:
            pair_again(world, rig)
        elif not rig.tablet.ask_again and not rig.tablet.pending() and rig.tablet.store.purging is None:
            return
    waiting = [(action.seq, action.kind) for action in rig.tablet.pending()]
    raise Broken(1, "no loss", f"tablet {rig.index} does not drain: {waiting}, {dict(world.counts)}")


def _state(rig: Rig) -> object:
    store = rig.tablet.store
    return store.next_seq, {name: held.number for name, held in store.streams.items()}


def shrink(seed: int, broken: Broken, *, tries: int) -> tuple[list[Step], Broken]:
    """
    Return the fewest moves found in so many tries that break the same invariant of this seed's world.
    """
    steps, size = script(seed), STEPS // 2
    while size:
        at = 0
        while at < len(steps):
            if tries == 0:
                return steps, broken
            tries -= 1
            fewer = [*steps[:at], *steps[at + size :]]
            found = breaks(seed, fewer)
            if found is not None and found.number == broken.number:
                steps, broken = fewer, found
            else:
                at += size
        size //= 2
    return steps, broken


def breaks(seed: int, steps: Sequence[Step] | None = None) -> Broken | None:
    """
    Return what breaks when these moves are run, or None.
    """
    try:
        run(seed, steps)
    except Broken as broken:
        return broken
    return None


def check(seed: int, *, tries: int = 150) -> Counter[str]:
    """
    Run a seed and return what happened, counted.

    :raises Failure: an invariant broke; it says which, under which seed, and after which moves.
    """
    try:
        return run(seed)
    except Broken as broken:
        steps, shortest = shrink(seed, broken, tries=tries)
        lines = "\n".join(f"  {step}" for step in steps)
        raise Failure(f"seed {seed}: {shortest}\n{len(steps)} moves (SEED={seed} replays it):\n{lines}") from broken
