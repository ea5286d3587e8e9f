# SPDX-License-Identifier: BSD-2-Clause
"""Samples of paired rounds, and what is concluded from them."""
import math
import statistics

CONFIDENCE = 0.90
WORSE = 1.10
ENOUGH_ROUNDS = 9


def interval(values):
    """Two of the ordered values between which the median lies with at least
    90 % confidence, whatever the distribution; and that confidence, which is
    less when the values are few."""
    ordered, n = sorted(values), len(values)
    best, below = 1, 0
    for k in range(1, n // 2 + 1):
        below += math.comb(n, k - 1)
        if 1 - 2 * below / 2 ** n < CONFIDENCE:
            break
        best = k
    covered = 1 - 2 * sum(math.comb(n, i) for i in range(best)) / 2 ** n
    return ordered[best - 1], ordered[n - best], max(covered, 0)


class Samples:
    """One figure for each series and round; a series is any hashable name."""

    def __init__(self):
        self.of = {}

    def add(self, series, round_, value):
        self.of.setdefault(series, {})[round_] = value

    def has(self, series):
        return series in self.of

    def median(self, series):
        return statistics.median(self.of[series].values())

    def ratios(self, ours, theirs):
        a, b = self.of[ours], self.of[theirs]
        return [a[r] / b[r] for r in sorted(a) if b.get(r)]


class Target:
    """ours against the best of theirs; limit None: it is only reported.

    sense '<=': less is better; '>=': more is.  Without theirs ours itself is
    what has the limit.  tried: it is tried for, but not owed."""

    def __init__(self, what, ours, theirs, limit, sense="<=", unit="us",
                 topic="", tried=False):
        self.what, self.ours, self.theirs = what, ours, list(theirs)
        self.limit, self.sense, self.unit = limit, sense, unit
        self.topic, self.tried = topic, tried

    def rival(self, samples):
        there = [s for s in self.theirs if samples.has(s)]
        best = min if self.sense == "<=" else max
        return best(there, key=samples.median) if there else None

    def row(self, samples, name_of=str):
        """What the table shows of it, as a dictionary; None: not measured."""
        if not samples.has(self.ours):
            return None
        row = {"topic": self.topic, "what": self.what, "unit": self.unit,
               "sense": self.sense, "limit": self.limit, "tried": self.tried,
               "ours": samples.median(self.ours)}
        if self.theirs:
            rival = self.rival(samples)
            if rival is None:
                return None
            ratios = samples.ratios(self.ours, rival)
            row.update(rival=name_of(rival), theirs=samples.median(rival))
        else:
            ratios = list(samples.of[self.ours].values())
            row.update(rival="", theirs=None)
        low, high, covered = interval(ratios)
        row.update(ratio=statistics.median(ratios), low=low, high=high,
                   confidence=covered, rounds=len(ratios), ratios=ratios)
        row["met"] = self.met(row["ratio"])
        return row

    def met(self, value):
        if self.limit is None:
            return None
        return value <= self.limit if self.sense == "<=" else value >= self.limit


class Comparison(Target):
    """ours now against ours before: worse, better, or neither."""

    def __init__(self, what, ours, before, sense="<=", unit="us", topic=""):
        super().__init__(what, ours, [before], None, sense, unit, topic=topic)

    def row(self, samples, name_of=str):
        row = super().row(samples, name_of)
        if row is None:
            return None
        flip = self.sense == ">="
        cost = 1 / row["ratio"] if flip else row["ratio"]
        sure = not row["low"] <= 1 <= row["high"]
        if row["rounds"] < ENOUGH_ROUNDS or not sure:
            row["change"] = "same"
        elif cost > WORSE:
            row["change"] = "worse"
        else:
            row["change"] = "better" if cost < 1 else "same"
        return row
