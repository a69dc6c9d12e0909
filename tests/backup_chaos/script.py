"""
What happens in a run, drawn from its seed: who presses when, what befalls the servers and the network, what becomes of
each message, and how long a dispatcher takes. The same seed is the same script; only the machine's own timing differs.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal
from uuid import UUID

PROCESSES: Final = ("web", "backup", "live", "worker", "beat", "redis", "postgres")
# Those in which the loop runs that rings.
WATCHES: Final = frozenset({"web", "backup", "live"})

_Fate = Literal["pass", "late", "drop", "drop-answer", "late-answer", "twice"]
_FATES: Final[dict[_Fate, int]] = {
    "pass": 58,
    "late": 12,
    "drop": 8,
    "drop-answer": 8,
    "late-answer": 6,
    "twice": 8,
}
_LEVELS: Final = (None, None, "EMERGENCY", "EMERGENCY", "URGENT")


@dataclass(frozen=True, slots=True)
class Pressing:
    """
    One press: by which tablet, and how many seconds after the beginning. ``cancels_after`` may be nothing, which sends the
    cancel at the same moment: either may arrive first.
    """

    at: float
    tablet: int
    key: UUID
    level: str | None
    silent: bool
    cancels_after: float | None


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Something that befalls a process, or the network when ``who`` is "network", for so many seconds.
    """

    at: float
    what: Literal["kill", "stop", "cut", "hole"]
    who: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Fate:
    """
    What becomes of a message on its way.
    """

    what: _Fate
    seconds: float


@dataclass(frozen=True, slots=True)
class Attention:
    """
    How long after a request is on the screen somebody sees it, and closes it then. Some are left to ring.
    """

    seen_after: float
    closed_after: float
    by_both: bool


@dataclass(frozen=True, slots=True)
class Script:
    """
    A run of so many presses at so many a second, over so many tablets.
    """

    seed: int
    presses: int
    tablets: int
    per_second: float
    longest_fault: float
    fault_every: float
    # How long what is left to ring is left, and in which share of the run: the short version has no time at its end.
    left_for: float = 66.0
    left_until: float = 1.0

    @property
    def seconds(self) -> float:
        """
        Return how long the pressing lasts.
        """
        return self.presses / self.per_second

    def pressings(self) -> list[Pressing]:
        """
        Return who presses when, in order. A crew in need presses again: up to four keys within seconds.
        """
        random = Random(f"{self.seed}:presses")
        found: list[Pressing] = []
        free = list(range(self.tablets))
        random.shuffle(free)
        at = 0.0
        while len(found) < self.presses:
            # In turn, so that a tablet's last request is as long ago as can be.
            tablet = free.pop(0)
            free.append(tablet)
            level, silent = random.choice(_LEVELS), random.random() < 0.1
            cancels_after = random.choice((0.0, 0.3, 2.0)) if random.random() < 0.08 else None
            again = random.choices((1, 2, 3, 4), (35, 25, 20, 20))[0]
            for number in range(min(again, self.presses - len(found))):
                key = UUID(int=random.getrandbits(128), version=4)
                moment = at + number * random.uniform(0.0, 1.5)
                found.append(Pressing(moment, tablet, key, level, silent, cancels_after if number == 0 else None))
                at += random.expovariate(self.per_second)
        return sorted(found, key=lambda pressing: pressing.at)

    def faults(self) -> list[Fault]:
        """
        Return what befalls the servers and the network, in order: every kind in turn, one or two at a time.
        """
        random = Random(f"{self.seed}:faults")
        found: list[Fault] = []
        kinds: list[tuple[Literal["kill", "stop", "cut", "hole"], str]] = []
        at = self.fault_every
        while at < self.seconds:
            for _ in range(2 if random.random() < 0.25 else 1):
                if not kinds:
                    kinds = [("kill", who) for who in PROCESSES] + [("stop", who) for who in PROCESSES]
                    kinds += [("cut", "network"), ("hole", "network")]
                    random.shuffle(kinds)
                what, who = kinds.pop()
                seconds = random.uniform(0.5, self.longest_fault)
                if what in {"cut", "hole"}:
                    seconds = random.uniform(1.0, self.longest_fault * 2)
                found.append(Fault(at, what, who, seconds))
            at += random.uniform(0.7, 1.3) * self.fault_every
        return found

    def fate(self, message: str, copy: int) -> Fate:
        """
        Return what becomes of the ``copy``-th message of this name.
        """
        random = Random(f"{self.seed}:{message}:{copy}")
        what = random.choices(list(_FATES), list(_FATES.values()))[0]
        # A copy may come long after its original was answered, seen and closed.
        longest = 20.0 if what == "twice" and random.random() < 0.1 else 4.0
        return Fate(what, random.uniform(0.0, 0.03) if what == "pass" else random.uniform(0.05, longest))

    def attention(self, key: str, elapsed: float) -> Attention:
        """
        Return how a dispatcher goes about a request that is on the screen so many seconds after the beginning.
        """
        random = Random(f"{self.seed}:{key}:desk")
        seen_after, drawn = random.uniform(0.0, 3.0), random.random()
        if drawn >= 0.75 and elapsed <= self.seconds * self.left_until:
            seen_after = random.uniform(16.0, 24.0) if drawn < 0.86 else random.uniform(31.0, self.left_for)
        return Attention(seen_after, random.uniform(0.0, 2.0), random.random() < 0.3)
