"""Runs the built tool (WEIR_TOOL) for the scripts of this folder, and makes small traces for it."""

import json
import os
import pickle
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOL = os.environ.get("WEIR_TOOL", "weir")
MIB = 1 << 20
KEYS = [
    "file", "format", "operations", "streams", "peak_requested", "peak_allocated", "peak_reserved", "utilization",
    "cache_hits", "arena_hits", "misses", "driver_calls", "page_remaps", "ns_per_operation", "comparisons",
]  # fmt: skip
HOLDER = ["bytes", "device", "stream", "number", "address", "line", "id", "tag", "frame"]
GAPS = ["failures", "unmatched_frees", "late_frees", "incomplete_blocks", "cut_lines", "resizes", "cut"]
REPEATS = ["threads", "passes"]
PASS = [
    "driver_calls", "event_calls", "creates", "maps", "accesses", "unmaps", "page_remaps", "driver_us", "waited_us",
    "longest_us", "peak_reserved", "utilization",
]  # fmt: skip
POLICY = ["peak_reserved", "utilization", "recorded_peak_reserved", "driver_calls", "driver_us"]


def may_be_interrupted():
    """For preexec_fn: a shell that runs these tests in its background has them, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def weir(*arguments, **options):
    """The finished process; its stdout and stderr are bytes, as names in them need not be UTF-8."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | options
    return subprocess.run([TOOL, *arguments], **options)


class ToolCase(unittest.TestCase):
    """A test with a folder of its own, and the checks that every run must pass."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def replay(self, *arguments, status=0, bounded=None):
        """The objects that `weir replay --json` printed, each checked for its keys, and stderr's lines."""
        done = weir("replay", "--json", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stdout.decode().splitlines()
        objects = [json.loads(line) for line in lines]
        for each in objects:
            self.check_keys(each, "--capacity" in arguments if bounded is None else bounded)
        return objects, done.stderr.decode(errors="surrogateescape").splitlines()

    def check_keys(self, each, bounded):
        answer = ["fits", "needed", "refused", "largest_holders"] if bounded else []
        tightest = ["tightest"] if "tightest" in each else []
        self.assertEqual(list(each), KEYS + GAPS + REPEATS + answer + tightest)
        if bounded:
            self.check_answer(each)
        if tightest:
            self.assertEqual(list(each["tightest"])[:2], ["limit", "utilization"])
        self.check_passes(each)
        for key in set(KEYS + GAPS) - {"file", "format", "utilization", "ns_per_operation", "comparisons", "cut"}:
            self.assertIs(type(each[key]), int, key)
        self.assertIs(type(each["cut"]), bool)
        self.assertEqual(list(each["ns_per_operation"]), ["p50", "p99", "max"])
        self.assertEqual(list(each["comparisons"]), ["direct", "pytorch_native", "pytorch_expandable"])
        direct, native, expandable = each["comparisons"].values()
        self.assertEqual(list(direct), ["peak_reserved", "driver_calls"])
        for policy in (native, expandable):
            self.assertEqual(list(policy), POLICY)
            self.assertEqual(len(policy["driver_calls"]), len(policy["driver_us"]))
            for number in (policy["peak_reserved"], *policy["driver_calls"]):
                self.assertIs(type(number), int)
        for number in direct.values():
            self.assertIs(type(number), int)
        self.assertIn(type(native["recorded_peak_reserved"]), (int, type(None)))
        self.assertTrue(0 <= each["utilization"] <= 1)
        if each["peak_reserved"]:
            self.assertAlmostEqual(each["utilization"], each["peak_requested"] / each["peak_reserved"])
        if each["peak_requested"]:
            allocations = each["cache_hits"] + each["arena_hits"] + each["misses"]
            passes = len(native["driver_calls"])
            # Blocks of no bytes are served by nothing; the traces here have few.
            self.assertTrue(each["operations"] * 0.49 <= allocations / passes <= each["operations"])

    def check_passes(self, each):
        asked = len(each["comparisons"]["pytorch_native"]["driver_calls"])
        self.assertEqual(len(each["passes"]), asked if each.get("fits", True) else len(each["passes"]))
        for one in each["passes"]:
            self.assertEqual(list(one), PASS)
            for key in PASS[:7] + ["peak_reserved"]:
                self.assertIs(type(one[key]), int, key)
            self.assertTrue(0 <= one["utilization"] <= 1)
            self.assertTrue(one["longest_us"] is None or one["longest_us"] <= one["waited_us"])

    def check_answer(self, each):
        self.assertIsInstance(each["fits"], bool)
        self.assertEqual(each["refused"] == [], each["fits"])
        live = sum(request["live"] for request in each["refused"])
        self.assertEqual(each["largest_holders"] == [], live == 0)
        self.assertLessEqual(sum(holder["bytes"] for holder in each["largest_holders"]), live)
        self.assertLessEqual(each["needed"], each["peak_reserved"])
        for request in each["refused"]:
            self.assertEqual(list(request), [*HOLDER, "live", "why", "pass", "operation"])
        for holder in each["largest_holders"]:
            self.assertEqual(list(holder), [*HOLDER, "allocated"])
            self.assertGreaterEqual(holder["allocated"], holder["bytes"])


# --- traces ----------------------------------------------------------------------------------


def intervals(*rows):
    return "id,lower,upper,size\n" + "".join(f"{i},{a},{b},{size}\n" for i, (a, b, size) in enumerate(rows))


def rmm(*rows):
    return "Thread,Time,Action,Pointer,Size,Stream\n" + "".join(f"1,0:0:0,{row}\n" for row in rows)


def event(action, address, size, stream=0, frames=()):
    return {"action": action, "addr": address, "size": size, "stream": stream, "frames": list(frames)}


def snapshot(*devices, segments=(), protocol=4):
    return pickle.dumps({"segments": list(segments), "device_traces": list(devices)}, protocol)
