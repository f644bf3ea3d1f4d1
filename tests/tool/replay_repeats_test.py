#!/usr/bin/env python3
"""`weir replay` pass by pass, in time, by threads and in the least memory; and files packed by gzip."""

import gzip
import json
import os
import signal
import subprocess
import sys
import unittest
from random import Random

from tool import MIB, TOOL, ToolCase, event, intervals, may_be_interrupted, snapshot, weir

GOOD = intervals((0, 10, 5 * MIB), (2, 8, 3 * MIB), (8, 12, 3 * MIB))


class Repeats(ToolCase):
    COSTS = "event_us=6,create_us=7.6,map_us=1,access_us=20,allocate_us=30"

    def test_passes_pay_once(self):
        trace = self.file("a.csv", GOOD)
        (each,), errors = self.replay("--repeat", "4", "--driver", self.COSTS, trace)
        self.assertEqual((len(each["passes"]), each["threads"], errors), (4, 1, []))
        first, *_, last = each["passes"]
        self.assertGreater(first["creates"], 0)
        self.assertEqual(first["peak_reserved"], 8 * MIB)
        least = first["creates"] * 7.6 + first["maps"] + first["accesses"] * 20
        self.assertGreaterEqual(first["driver_us"], least - 1e-6)
        self.assertEqual((last["driver_calls"], last["driver_us"], last["waited_us"]), (0, 0, 0))
        native, expandable = (each["comparisons"][name] for name in ("pytorch_native", "pytorch_expandable"))
        self.assertEqual((native["driver_calls"], native["driver_us"]), ([1, 0, 0, 0], [30, 0, 0, 0]))
        self.assertEqual(expandable["driver_calls"], [4, 0, 0, 0])
        self.assertAlmostEqual(expandable["driver_us"][0], 28.6)

    def test_the_same_each_time(self):
        rows = [f"{i % 3},0:0:{i // 2 % 60},allocate,{hex(16 + i)},{(i % 7 + 1) * MIB},0x{i % 2}" for i in range(200)]
        rows += [f"{i % 5},0:2:{i % 60},free,{hex(16 + i)},{(i % 7 + 1) * MIB},0x{i % 2}" for i in range(0, 200, 3)]
        log = self.file("log", "Thread,Time,Action,Pointer,Size,Stream\n" + "\n".join(rows) + "\n")
        arguments = ["--repeat", "3", "--driver", "cheap", "--gap", "recorded", log]
        (once,), _ = self.replay(*arguments)
        (again,), _ = self.replay(*arguments)
        self.assertEqual((once["passes"], once["threads"]), (again["passes"], 5))
        (merged,), _ = self.replay("--threads", "merge", *arguments)
        self.assertEqual(merged["threads"], 1)

    def test_a_file_of_costs(self):
        trace = self.file("a.csv", GOOD)
        names = ("event record query create map access unmap destroy reserve allocate create_handle map_handle "
                 "access_handle unmap_handle").split()  # fmt: skip
        model = {f"{name}_us": 0.0 for name in names} | {"allocate_us": 12.5, "about": "made here"}
        costs = self.file("costs.json", json.dumps(model))
        (each,), _ = self.replay("--driver", costs, trace)
        self.assertEqual(each["comparisons"]["pytorch_native"]["driver_us"], [12.5])
        bad = self.file("bad.json", json.dumps(model | {"create_us": -1}))
        done = weir("replay", "--driver", bad, trace)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        for word in (b"--driver", b"create_us", b"-1"):
            self.assertIn(word, done.stderr)

    def test_a_pass_that_does_not_fit_is_an_answer(self):
        trace = self.file("a.csv", GOOD)
        (each,), errors = self.replay("--capacity", "6MiB", "--repeat", "3", trace)
        self.assertEqual((each["fits"], each["passes"], errors), (False, [], []))
        (refused,) = each["refused"]
        self.assertEqual((refused["pass"], refused["operation"]), (1, 2))
        text = weir("replay", "--capacity", "6MiB", "--repeat", "3", trace).stdout
        self.assertIn(b"in pass 1, operation 2\n", text)

    def test_fits_in_a_line(self):
        trace = self.file("a.csv", GOOD)

        def answer(*arguments):
            done = weir("replay", *arguments, trace)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            return done.stdout.decode()

        self.assertRegex(answer("--fits", "24", "GiB", "--driver", "cheap"),
                         rf"^fits in 24.00 GiB: {trace}, and loses no time to memory in each step "
                         r"\([0-9.]+ (µs|ms) in the first\)\n$")  # fmt: skip
        self.assertEqual(answer("--fits", "6MiB", "--driver", "dear"),
                         f"does not fit in 6.00 MiB: {trace}; 8.00 MiB are enough\n")  # fmt: skip
        self.assertEqual(answer("--fits", "1GiB"),
                         f"fits in 1.00 GiB: {trace}; give --driver to see the time that it loses\n")  # fmt: skip
        self.assertEqual(len(self.replay("--fits", "1GiB", trace, bounded=True)[0][0]["passes"]), 4)

    def test_tightest(self):
        trace = self.file("a.csv", GOOD)
        (each,), errors = self.replay("--tightest", trace)
        self.assertEqual((each["tightest"], errors), ({"limit": 8 * MIB, "utilization": 1.0}, []))
        self.assertIn(b"tightest            8.00 MiB   utilization 100.00 %", weir("replay", "--tightest", trace).stdout)

    def test_tightest_tells_its_bounds_and_can_be_interrupted(self):
        # Sizes that fill no page and lives of any length, which leave holes: a search of some twenty replays.
        random = Random(5)
        rows = ((i, i + random.randrange(1, 200), random.randrange(1, 5_000_000)) for i in range(20_000))
        trace = self.file("a.csv", intervals(*rows))
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.interrupted(number, "tightest: more than ", "--repeat", "8", "--json", trace)
            found = json.loads(out)
            self.assertTrue(found["tightest"]["interrupted"])
            self.assertGreaterEqual(found["tightest"]["limit"], found["peak_requested"])

    def test_tightest_that_is_interrupted_before_its_first_bound_has_the_status_all_the_same(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.interrupted(number, "\r", "--repeat", "1000")

    def interrupted(self, number, shown, *arguments):
        """The output of a search that got the signal once the terminal had shown some words."""
        main, terminal = os.openpty()
        command = subprocess.Popen([TOOL, "replay", "--tightest", *arguments],
                                   stdout=subprocess.PIPE, stderr=terminal, preexec_fn=may_be_interrupted)  # fmt: skip
        os.close(terminal)
        told = b""
        while shown.encode() not in told:
            told += os.read(main, 1 << 16)
        command.send_signal(number)
        out, _ = command.communicate(timeout=60)
        os.close(main)
        self.assertEqual(command.returncode, 128 + number, told)
        return out

    def test_text_shows_the_first_and_the_last_passes(self):
        text = weir("replay", "--repeat", "9", "--driver", "dear", self.file("a.csv", GOOD)).stdout.decode()
        for words in ("in the driver", "longest wait", "first / last pass", "expandable"):
            self.assertIn(words, text)
        shown = [line.split()[0] for line in text.split("longest wait\n")[1].splitlines()[:6]]
        self.assertEqual(shown, ["1", "2", "...", "7", "8", "9"])

    def test_nonsense(self):
        trace = self.file("a.csv", GOOD)
        for words, named in (
            (["--repeat", "0"], ["--repeat", "'0'", "1 to 1000"]), (["--repeat", "1001"], ["--repeat", "'1001'", "1000"]),
            (["--repeat", "-1"], ["--repeat", "-1"]), (["--repeat", "2.5"], ["--repeat", "'2.5'"]),
            (["--gap", "-1"], ["--gap", "'-1'", "recorded"]), (["--gap", "nan"], ["--gap", "'nan'"]),
            (["--gap", "1e10"], ["--gap", "1000000000"]), (["--threads", "two"], ["--threads", "two", "recorded", "merge"]),
            (["--driver", "slow"], ["--driver", "slow", "instant", "cheap", "dear"]),
            (["--driver", "creates_us=1"], ["--driver", "creates_us"]), (["--driver", ""], ["--driver"]),
            (["--driver", "cheap", "--device", "host"], ["--driver", "--device"]),
            (["--gap", "recorded", "--device", "host"], ["--gap", "--device"]),
            (["--fits", "0"], ["--fits"]), (["--fits", "many"], ["--fits", "many"]),
            (["--fits", "1GiB", "--capacity", "1GiB"], ["--fits", "--capacity"]),
        ):  # fmt: skip
            done = weir("replay", *words, trace)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
            for word in named:
                self.assertIn(word, done.stderr.decode().splitlines()[0])
        done = weir("replay", "--gap", "recorded", trace)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"has no times", done.stderr)


class Packed(ToolCase):
    def test_gzip(self):
        (plain,), _ = self.replay(self.file("a.csv", GOOD))
        (packed,), errors = self.replay(self.file("a.csv.gz", gzip.compress(GOOD.encode())))
        self.assertEqual((packed["peak_reserved"], packed["operations"], errors), (plain["peak_reserved"], 6, []))

    def test_bad_gzip(self):
        member = gzip.compress(b"\0" * (16 * MIB))
        bomb = gzip.compress(b"\x80\x04") + member * 80
        for content, word in ((gzip.compress(snapshot([event("alloc", 1, 1)]))[:-3], "cut off"), (bomb, "1 GiB"),
                              (b"\x1f\x8b" + b"x" * 100, "damaged"), (gzip.compress(b"hello"), "hello")):  # fmt: skip
            objects, errors = self.replay(self.file("a", content), status=1)
            self.assertEqual((objects, len(errors)), ([], 1))
            self.assertIn(word, errors[0])

    def test_too_many_threads(self):
        rows = "".join(f"{i},t,allocate,{hex(i + 1)},512,0\n" for i in range(1025))
        log = self.file("log", "Thread,Time,Action,Pointer,Size,Stream\n" + rows)
        _, errors = self.replay(log, status=1)
        for word in ("1024", "1025", "--threads merge"):
            self.assertIn(word, errors[0])
        (each,), _ = self.replay("--threads", "merge", log)
        self.assertEqual(each["operations"], 1025)


if __name__ == "__main__":
    sys.exit(unittest.main())
