#!/usr/bin/env python3
"""WEIR_INJECT from outside: each workload goes on after a loss and ends with the same result; what it says, and what is
refused."""

import json
import os
import unittest

from lidar_test import small_las
from tool import ToolCase, weir


def injected(faults, *arguments):
    return weir(*arguments, env=os.environ | {"WEIR_INJECT": faults, "WEIR_DEVICE": "host"})


def told(done):
    """What stderr says of faults."""
    lines = done.stderr.decode().splitlines()
    return [line.removeprefix("weir: ") for line in lines if line.startswith("weir: WEIR_INJECT")]


def calls_of(done):
    """How often the device was called, of a run whose fault had no call to strike."""
    return int(told(done)[-1].split()[-2])


class Inject(ToolCase):
    def path(self, name):
        return str(self.folder / name)

    def survives(self, arguments, output, same):
        """Losses in a run's first call, its middle and near its end leave what it writes and tells as it was."""
        undisturbed = injected("lose@1000000000", *arguments)
        self.assertEqual(undisturbed.returncode, 0, undisturbed.stderr)
        calls = calls_of(undisturbed)
        self.assertGreater(calls, 20)
        whole = (self.folder / output).read_bytes()
        report = json.loads(undisturbed.stdout.splitlines()[0])
        self.assertEqual([report[key] for key in ("recoveries", "lost_bytes")], [0, 0])
        for n in (1, calls // 7, calls // 3, calls // 2, 5 * calls // 6):
            with self.subTest(lost_at=n, of=calls):
                (self.folder / output).unlink()
                done = injected(f"lose@{n}", *arguments)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual((self.folder / output).read_bytes(), whole)
                lost = json.loads(done.stdout.splitlines()[0])
                for key in same:
                    self.assertEqual(lost[key], report[key], key)
                self.assertLessEqual(lost["recoveries"], 1)
                self.assertEqual(lost["lost_bytes"], 0)
                self.assertGreaterEqual(lost["spilled_bytes"], 0)
                self.assertRegex(told(done)[0], rf"WEIR_INJECT=lose@{n}: faults are injected into ")
                # How often a wait asks the device is the machine's: a late call may not come.
                late = r"|lose@\d+ did not happen" if n > calls // 7 else ""
                self.assertRegex(told(done)[1], rf"WEIR_INJECT: (lose@{n} strikes call \d+, \w+: the device is lost{late})")

    def test_graph(self):
        edges = "".join(f"{i} {(i * 7 + 1) % 30}\n{i} {(i + 1) % 30}\n" for i in range(30))
        source = self.file("graph.txt", edges)
        arguments = ["graph", source, "-o", self.path("out.csv"), "--steps", "90", "--threads", "1", "--json"]
        self.survives(arguments, "out.csv", ["checksum", "steps", "settled", "stress"])

    def test_balance(self):
        arguments = ["balance", "train", "--network", "Micro", "--steps", "300", "-o", self.path("out.txt"), "--json"]
        self.survives(arguments, "out.txt", ["environment_steps", "updates", "upright", "episodes"])

    def test_trajectory(self):
        arguments = ["trajectory", "--launches", "300", "-o", self.path("out.csv"), "--chunk", "64", "--json"]
        self.survives(arguments, "out.csv", ["launches", "steps"])

    def test_lidar(self):
        points = [(100 * (i % 20), 100 * (i // 20), 7 * i % 90) for i in range(400)]
        source = self.file("in.las", small_las(points))
        arguments = ["lidar", source, "-o", self.path("out.las"), "--k", "8", "--chunk", "100", "--json"]
        self.survives(arguments, "out.las", ["points"])

    def test_several_losses(self):
        source = self.file("graph.txt", "".join(f"{i} {(i + 1) % 20}\n" for i in range(20)))
        arguments = ["graph", source, "-o", self.path("out.csv"), "--steps", "90", "--threads", "1", "--json"]
        whole = injected("", *arguments)
        self.assertEqual((whole.returncode, told(whole)), (0, []))
        done = injected("lose@300,lose@1200", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["recoveries"], 2)
        self.assertEqual(json.loads(done.stdout)["checksum"], json.loads(whole.stdout)["checksum"])

    def test_no_memory_late_and_slow(self):
        source = self.file("graph.txt", "".join(f"{i} {(i + 1) % 20}\n" for i in range(20)))
        arguments = ["graph", source, "-o", self.path("out.csv"), "--steps", "20", "--json"]
        whole = injected("", *arguments)
        done = injected("oom@1,late@100,slow@30:3", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["checksum"], json.loads(whole.stdout)["checksum"])
        self.assertTrue(any("oom@1 strikes" in line for line in told(done)), told(done))
        self.assertTrue(any("slow@30:3 strikes" in line for line in told(done)), told(done))

    def test_a_command_that_does_not_go_on_says_what_happened(self):
        done = injected("lose@5", "devices")
        self.assertEqual((done.returncode, told(done)[0][:28]), (0, "WEIR_INJECT: lose@5 did not "), "a list opens none")
        done = injected("lose@5", "balance", "bench", "--device", "host")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"an injected loss of the device\n", done.stderr)

    def test_what_makes_no_sense_is_refused(self):
        for faults in ("lose", "lose@0", "slow@3", "slow@3:1", "late@1,late@2", "loss@3"):
            done = injected(faults, "devices")
            self.assertEqual(done.returncode, 1, faults)
            self.assertTrue(done.stderr.startswith(b'weir: WEIR_INJECT="' + faults.encode()), done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1)
        done = injected("slow@1:2", "replay", self.file("t.csv", "id,lower,upper,size\n0,0,1,64\n"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"leave slow@ out, or name another device", done.stderr)


if __name__ == "__main__":
    unittest.main()
