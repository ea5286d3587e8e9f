# SPDX-License-Identifier: BSD-2-Clause
"""What bench/run concludes from its rounds."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "bench"))
sys.dont_write_bytecode = True
from runner.figures import Comparison, Samples, Target, interval  # noqa: E402


def samples(**series):
    s = Samples()
    for name, values in series.items():
        for round_, value in enumerate(values):
            s.add(name, round_, value)
    return s


class Figures(unittest.TestCase):
    def test_nine_rounds_give_an_interval_of_90_per_cent(self):
        # of nine, the second to the eighth: 1 - 2 * 10 / 512
        low, high, covered = interval([9, 1, 8, 2, 7, 3, 6, 4, 5])
        self.assertEqual((low, high), (2, 8))
        self.assertAlmostEqual(covered, 1 - 20 / 512)

    def test_four_rounds_are_no_90_per_cent(self):
        low, high, covered = interval([4, 3, 2, 1])
        self.assertEqual((low, high), (1, 4))
        self.assertLess(covered, 0.9)

    def test_a_ratio_is_that_of_one_round(self):
        # the machine was slow in the second: for both
        s = samples(ours=[1, 10, 1], theirs=[2, 20, 2])
        self.assertEqual(s.ratios("ours", "theirs"), [0.5] * 3)

    def test_a_round_without_the_peer_does_not_count(self):
        s = samples(ours=[1, 1])
        s.add("theirs", 1, 4)
        self.assertEqual(s.ratios("ours", "theirs"), [0.25])

    def test_the_rival_is_the_best_of_those_that_are_there(self):
        s = samples(ours=[1], slow=[4], quick=[2])
        t = Target("x", "ours", ["slow", "quick", "missing"], 0.5)
        self.assertEqual(t.row(s)["rival"], "quick")
        more = Target("x", "ours", ["slow", "quick"], 0.5, ">=")
        self.assertEqual(more.row(s)["rival"], "slow")

    def test_a_target_is_met_at_its_limit_and_not_beyond(self):
        s = samples(ours=[1] * 9, theirs=[2] * 9)
        for limit, sense, met in ((0.5, "<=", True), (0.49, "<=", False),
                                  (0.5, ">=", True), (0.51, ">=", False)):
            row = Target("x", "ours", ["theirs"], limit, sense).row(s)
            self.assertIs(row["met"], met)

    def test_without_the_peer_there_is_no_row(self):
        s = samples(ours=[1])
        self.assertIsNone(Target("x", "ours", ["theirs"], 1).row(s))
        self.assertIsNone(Target("x", "nothing", ["ours"], 1).row(s))

    def change(self, now, before, sense="<="):
        s = samples(now=now, before=before)
        return Comparison("x", "now", "before", sense).row(s)["change"]

    def test_worse_is_more_than_a_tenth_and_sure(self):
        self.assertEqual(self.change([1.2] * 9, [1] * 9), "worse")
        self.assertEqual(self.change([1.05] * 9, [1] * 9), "same")
        # the median is 1.2, but 1.0 lies within the interval
        unsure = [0.8, 0.8, 0.8, 0.8, 1.2, 1.2, 1.2, 1.2, 1.2]
        self.assertEqual(self.change(unsure, [1] * 9), "same")

    def test_eight_rounds_are_no_verdict(self):
        self.assertEqual(self.change([1.5] * 8, [1] * 8), "same")

    def test_of_a_rate_less_is_worse(self):
        self.assertEqual(self.change([0.8] * 9, [1] * 9, ">="), "worse")
        self.assertEqual(self.change([1.2] * 9, [1] * 9, ">="), "better")


if __name__ == "__main__":
    unittest.main()
