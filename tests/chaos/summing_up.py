"""Adds verdicts up to the one line that chaos ends with."""

from collections import Counter

from tests.chaos.playing import Verdict


class Summary:
    """Counts over schedules, and the seeds that broke the promise."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self.broken: list[int] = []

    def add(self, verdict: Verdict) -> None:
        """Take in one schedule."""
        self._sums["schedules"] += 1
        for name in ("leads", "requests", "faults", "unresolved_before", "unresolved_after"):
            self._sums[name] += getattr(verdict, name)
        for name in ("lost", "doubled", "misnamed"):
            self._sums[name] += len(getattr(verdict, name))
        self._sums["wrongly_green"] += bool(verdict.wrongly_green)
        self._sums["resumed"] += len(verdict.codes) > 1
        self._sums["trouble"] += bool(verdict.trouble)
        if not verdict.is_good:
            self.broken.append(verdict.seed)

    def tell(self, seconds: float) -> str:
        """Say it all on one line, with the seeds to look at."""
        sums = self._sums
        line = (
            f"{sums['schedules']:,} schedules ({sums['resumed']:,} resumed), {sums['leads']:,} leads, "
            f"{sums['requests']:,} requests, {sums['faults']:,} faults met: "
            f"{sums['lost']} lost, {sums['doubled']} doubled, {sums['wrongly_green']} wrongly green, "
            f"{sums['misnamed']} misnamed, {sums['unresolved_before']:,} unresolved or not sent before resume, "
            f"{sums['unresolved_after']} after, {sums['trouble']} otherwise broken; {seconds:.0f} s"
        )
        seeds = " ".join(map(str, sorted(self.broken)))
        return f"{line}\nseeds to play again (python -m tests.chaos --seed N): {seeds}" if seeds else line
