# SPDX-License-Identifier: BSD-2-Clause
"""The table, and the same as JSON."""
import json
import os
import platform
import statistics
import sys

from runner.figures import ENOUGH_ROUNDS

HEAD = ("what", "ours", "theirs", "", "ratio", "90 % interval", "target", "")


def number(value):
    if value is None:
        return ""
    if abs(value) >= 1000:
        return "%.0f" % value
    return "%.3g" % value if abs(value) < 100 else "%.1f" % value


def cells(row):
    sign = {"<=": "≤ ", ">=": "≥ "}[row["sense"]]
    verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]
    if row["tried"]:
        verdict = "(%s)" % verdict.lower()
    ratio, low, high = row["ratio"], row["low"], row["high"]
    return (row["what"],
            number(row["ours"]) + " " + row["unit"],
            number(row["theirs"]), row["rival"],
            "%.2f" % ratio if row["rival"] else "",
            ("%.2f … %.2f" if row["rival"] else "%.3g … %.3g") % (low, high),
            "" if row["limit"] is None else sign + "%.4g" % row["limit"],
            row.get("change", verdict))


def table(rows):
    lines = [HEAD] + [cells(r) for r in rows]
    width = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    left = (0, 3, 7)
    for n, line in enumerate(lines):
        print("  ".join(c.ljust(w) if i in left else c.rjust(w)
                        for i, (c, w) in enumerate(zip(line, width))).rstrip())
        if n == 0:
            print("-" * (sum(width) + 2 * (len(width) - 1)))


def noise_of(noise):
    if not noise:
        return {}
    other = [o for o, _ in noise]
    return {"other_median": statistics.median(other), "other_max": max(other),
            "steal_max": max(s for _, s in noise)}


def foot(rows, noise, skipped, bench):
    judged = [r for r in rows if r["met"] is not None and not r["tried"]]
    print("\n%d of %d targets met." % (sum(r["met"] for r in judged),
                                       len(judged)))
    if noise:
        print("Noise: others used %.1f %% of the machine's CPU (median of all "
              "measurements; at most %.1f %%); stolen at most %.1f %%." %
              (100 * noise["other_median"], 100 * noise["other_max"],
               100 * noise["steal_max"]))
    for note in bench.notes:
        print(note + ".")
    for name in sorted(skipped):
        print("Skipped: %s: %s." % (name, skipped[name]))
    if bench.rounds < ENOUGH_ROUNDS:
        print("%d rounds: an impression. A verdict takes %d or more." %
              (bench.rounds, ENOUGH_ROUNDS))
    sys.stdout.flush()


def machine():
    cpu = ""
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return {"cpu": cpu, "cpus": os.cpu_count(),
            "system": "%s %s" % (platform.system(), platform.release())}


def write_json(path, rows, noise, skipped, bench):
    series = {str(tuple(s) if isinstance(s, tuple) else s):
              [v[r] for r in sorted(v)] for s, v in bench.samples.of.items()}
    with open(path, "w") as f:
        json.dump({"machine": machine(), "rounds": bench.rounds,
                   "noise": noise, "skipped": skipped,
                   "notes": bench.notes, "rows": rows,
                   "samples": series, "curves": bench.curves}, f, indent=1)
        f.write("\n")
