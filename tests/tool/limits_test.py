#!/usr/bin/env python3
"""Each workload under 64 MiB of device memory, by its option and by WEIR_LIMIT: the same result as without a limit."""

import json
import os
import unittest
from pathlib import Path

from tool import MIB, ToolCase, weir

SHARED = Path(os.environ.get("WEIR_SHARED_DATA", "/nonexistent"))
LIMIT = 64 * MIB
TILES = [SHARED / "las" / name for name in ("ign_lidarhd_77055_627755.las", "ign_lidarhd_77060_627755.las")]
GRAPH = SHARED / "graph" / "ca-GrQc.txt"


def needs(*files):
    """Skips a test where one of the files is not there."""
    absent = [str(each) for each in files if not each.exists()]
    return unittest.skipIf(absent, f"{', '.join(absent)} not found")


class Limits(ToolCase):
    def run_one(self, name, arguments, **options):
        """The objects that the command printed and the file that it wrote."""
        output = self.folder / name
        done = weir(*arguments, "--device", "host", "-o", str(output), "--json", **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.decode().splitlines()], output.read_bytes()

    def expect_the_same(self, arguments, name, peak, less=None):
        """`peak` gives the most memory that a run had; `less` is a limit below what it takes where there is none."""
        free, expected = self.run_one("free" + name, arguments)
        environment = {**os.environ, "WEIR_LIMIT": "64MiB"}
        runs = [(LIMIT, ["--limit", "64MiB"], {}), (LIMIT, [], {"env": environment})]
        if less is not None:
            self.assertGreater(peak(free), less)
            runs.append((less, ["--limit", str(less)], {}))
        for limit, more, options in runs:
            told, found = self.run_one("limited" + name, [*arguments, *more], **options)
            self.assertEqual(found, expected)
            self.assertLessEqual(peak(told), limit)

    @needs(*TILES)
    def test_lidar(self):
        arguments = ["lidar", *map(str, TILES), "--features", "full", "--k", "50"]
        self.expect_the_same(arguments, ".las", lambda told: told[0]["memory_high_water"], less=24 * MIB)

    @needs(GRAPH)
    def test_graph(self):
        arguments = ["graph", str(GRAPH), "--steps", "30", "--frames", "sync"]
        self.expect_the_same(arguments, ".csv", lambda told: told[0]["memory_high_water"])

    def test_trajectory(self):
        arguments = ["trajectory", "--launches", "200000", "--chunk", "200000"]
        self.expect_the_same(arguments, ".csv", lambda told: told[0]["memory_high_water"])

    def test_balance(self):
        arguments = ["balance", "train", "--episodes", "20", "--keep-going"]
        self.expect_the_same(arguments, ".txt", lambda told: told[0]["peak_bytes"])


if __name__ == "__main__":
    unittest.main()
