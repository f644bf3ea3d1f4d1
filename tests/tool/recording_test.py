#!/usr/bin/env python3
"""Recordings of the tool's own pools: read here by docs/recording-format.md alone, replayed, converted, and attacked."""

import gzip
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import unittest
from pathlib import Path

from recording_file import COUNTS, blocks_of, file_header, records_of, seal, totals_of
from tool import MIB, TOOL, ToolCase, event, intervals, rmm, snapshot, weir


class Recording(ToolCase):
    def record(self, *arguments, name="run.weir", status=0):
        """What a run of the tool left in its recording, and what it printed."""
        path = str(self.folder / name)
        done = weir(*arguments, env=os.environ | {"WEIR_RECORD": path})
        self.assertEqual(done.returncode, status, done.stderr)
        return path, done.stdout

    def job(self):
        rows = random.Random(7)
        spans = []
        for _ in range(3000):
            start = rows.randrange(20_000)
            size = rows.choice([700, 5000, 5000, 300_000, 3 * MIB])
            spans.append((start, start + rows.randrange(1, 400), size))
        return self.file("job.csv", intervals(*spans))


class Format(Recording):
    def test_what_it_comes_to_is_what_the_pool_counted(self):
        path, printed = self.record("replay", "--json", self.job())
        pools, ends, names = {}, {}, {}
        data = Path(path).read_bytes()
        kinds = [kind for kind, _, _, _ in blocks_of(data)]
        self.assertEqual((kinds[0], kinds[-1]), (1, 5))
        for kind, pool, time, payload in blocks_of(data):
            if kind == 1:
                fields = {}
                while payload:
                    which = payload.byte()
                    fields[which] = payload.text()
                names[pool] = fields[1]
            elif kind == 2:
                pools.setdefault(pool, []).extend(records_of(payload, time))
            elif kind == 4:
                ends[pool] = {payload.varint(): payload.varint() for _ in range(payload.varint())}
        self.assertEqual(names, {1: "replay"})
        totals, end = totals_of(pools[1]), ends[1]
        for number, what in enumerate(COUNTS, 1):
            self.assertEqual(totals[what], end[number], what)
        self.assertEqual(end[22], 0, "events lost")
        told = json.loads(printed)
        self.assertEqual(told["peak_requested"], totals["requested_peak"])
        self.assertEqual(told["peak_allocated"], totals["allocated_peak"])
        self.assertEqual(told["peak_reserved"], totals["reserved_peak"])
        for what in ("cache_hits", "arena_hits", "misses"):
            self.assertEqual(told[what], totals[what], what)

    def test_a_replay_of_it_gives_the_same_totals(self):
        job = self.job()
        path, printed = self.record("replay", "--json", job)
        first = json.loads(printed)
        (again,), errors = self.replay(path)
        self.assertEqual(errors, [])
        self.assertEqual(again["format"], "weir-recording")
        for what in ("operations", "streams", "peak_requested", "peak_allocated", "cache_hits", "arena_hits", "misses",
                     "peak_reserved", "driver_calls", "page_remaps", "threads"):  # fmt: skip
            self.assertEqual(again[what], first[what], what)

    def test_it_may_be_packed(self):
        path, _ = self.record("replay", "--json", self.job())
        packed = self.file("packed.weir.gz", gzip.compress(Path(path).read_bytes()))
        (plain,), _ = self.replay(path)
        (again,), _ = self.replay(packed)
        self.assertEqual(again["peak_requested"], plain["peak_requested"])


class Convert(Recording):
    def convert(self, source, name, status=0):
        out = str(self.folder / name)
        done = weir("convert", source, "-o", out)
        self.assertEqual(done.returncode, status, done.stderr)
        return out, done.stderr.decode()

    def same(self, one, other, *left_out):
        (first,), _ = self.replay(one)
        (second,), _ = self.replay(other)
        for what in {"operations", "peak_requested", "peak_allocated", "misses", "peak_reserved"} - set(left_out):
            self.assertEqual(second[what], first[what], what)

    def test_to_each_format_and_back(self):
        path, _ = self.record("replay", self.job())
        for name in ("out.pickle", "out.csv", "out.weir"):
            out, told = self.convert(path, name)
            self.same(path, out)
            self.assertEqual(told == "", name == "out.weir", told)
            back, _ = self.convert(out, "back.weir")
            self.same(path, back)

    def test_a_snapshot_has_pytorchs_structure(self):
        path, _ = self.record("replay", self.job())
        out, _ = self.convert(path, "out.pickle")
        data = pickle.loads(Path(out).read_bytes())
        self.assertEqual({"segments", "device_traces", "allocator_settings"} - set(data), set())
        (trace,) = data["device_traces"]
        actions = {each["action"] for each in trace}
        self.assertLessEqual({"alloc", "free_requested", "free_completed", "segment_map"}, actions)
        mapped, live = {}, {}
        for each in trace:
            self.assertEqual(set(each), {"action", "addr", "size", "stream", "time_us", "frames"})
            if each["action"] == "alloc":
                self.assertNotIn(each["addr"], live)
                live[each["addr"]] = each["size"]
            elif each["action"] == "free_completed":
                self.assertEqual(live.pop(each["addr"]), each["size"])
            elif each["action"] == "segment_map":
                mapped[each["addr"]] = each["size"]
        times = [each["time_us"] for each in trace]
        self.assertGreater(times[0], 1_600_000_000_000_000, "since 1970")
        for segment in data["segments"]:
            at = segment["address"]
            for block in segment["blocks"]:
                self.assertEqual(block["address"], at)
                at += block["size"]
            self.assertEqual(at, segment["address"] + segment["total_size"])

    def test_a_chrome_trace_is_json_with_pairs(self):
        path, _ = self.record("replay", self.job())
        out, _ = self.convert(path, "out.json")
        events = json.loads(Path(out).read_text())["traceEvents"]
        open_ones = set()
        for each in events:
            if each["ph"] == "b":
                self.assertNotIn((each["cat"], each["id"]), open_ones)
                open_ones.add((each["cat"], each["id"]))
            elif each["ph"] == "e":
                open_ones.remove((each["cat"], each["id"]))
        lines = [each["args"] for each in events if each["ph"] == "C"]
        self.assertGreater(len(lines), 100)
        peak = max(each["requested"] for each in lines)
        (told,), _ = self.replay(path)
        self.assertEqual(peak, told["peak_requested"])

    def test_from_every_format_that_replay_reads(self):
        log = rmm("allocate,0x7f000000,1048576,0x0", "allocate,0x8f000000,2097152,0x1a", "free,0x7f000000,1048576,0x1a")
        held = [event("alloc", 0x7000, 5 * MIB), event("alloc", 0x900000, 2 * MIB), event("free_completed", 0x7000, 5 * MIB)]
        for name, content in (("a.csv", intervals((0, 10, 5 * MIB), (2, 8, 3 * MIB))), ("log.txt", log),
                              ("s.pickle", snapshot(held))):  # fmt: skip
            source = self.file(name, content)
            for out in ("x.weir", "x.pickle", "x.json", "x.csv"):
                made, _ = self.convert(source, name + out)
                if not out.endswith("json"):
                    self.same(source, made, "misses")  # which depend on when a stream's work was seen to be done

    def test_what_makes_no_sense_is_refused_by_name(self):
        source = self.job()
        done = weir("convert", source, "-o", str(self.folder / "out.txt"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b".pickle", done.stderr)
        done = weir("convert", str(self.folder / "none"), "-o", str(self.folder / "out.csv"))
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.folder / "out.csv").exists())


class Attacks(Recording):
    def attempt(self, data):
        """Reads a file that may be anything: an end in good time, with 0 or 1, and never by a signal."""
        path = self.file("attack.weir", data)
        for arguments in (["replay", "--json", path], ["convert", path, "-o", str(self.folder / "attack.pickle")]):
            done = weir(*arguments)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            if done.returncode == 1:
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done

    def test_cut_anywhere_it_is_read_to_the_last_whole_block(self):
        path, _ = self.record("replay", self.job())
        data = Path(path).read_bytes()
        (whole,), _ = self.replay(path)
        for cut in (len(data) - 1, len(data) - 40, len(data) // 2, 5000, 100, 48, 47, 9, 8):
            self.attempt(data[:cut])
        # Blocks are as large as the recorder's thread finds them: the last cut leaves most of a job in any case.
        for share in (0.75, 0.9, 0.97, 0.99):
            half = self.file("half.weir", data[: int(len(data) * share)])
            if weir("replay", half).returncode == 0:
                break
        else:
            self.skipTest("one block holds all events")
        (some,), errors = self.replay(half)
        self.assertLess(some["operations"], whole["operations"])
        self.assertTrue(some["cut"])
        self.assertIn("cut or damaged at byte", errors[0])

    def test_bytes_changed_anywhere_are_seen(self):
        path, _ = self.record("replay", self.job())
        data = Path(path).read_bytes()
        dice = random.Random(3)
        for _ in range(20):
            changed = bytearray(data)
            changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            self.attempt(bytes(changed))

    def test_blocks_that_lie_under_a_good_sum(self):
        pool = seal(1, 1, b"\x01\x01p")
        big = b"\xff" * 9 + b"\x01"
        block = b"\x00\x63\x00\x01" + b"\x01" + b"\x05\x00\x00"
        for payload in (b"", b"\0", big, b"\x00\x00" + big, block + b"\x00", b"\x40\x60\x00\x01" + big,
                        b"\x40\x60\x00\x01\xff\xff\x03abc", b"\x80" + big, b"\x07\x60\x00\x01\x02",
                        b"\x00\x60\x00\x01" + big + b"\x00\x00", b"\x00\x60\x00" + big + b"\x01\x00\x00",
                        b"\x03\x60\x00\x01\x01" + big + b"\x00", b"\x05\x60\x00\x01\x01\x80\x80\x80\x80\x10" + big,
                        b"\x02\x60\x00\x01\x05\x00\x00", b"\x01\x60\x00\x01", b"\x7f\x60\x00\x01"):  # fmt: skip
            for kind in (1, 2, 3, 4, 5, 6, 999):
                for number in (0, 1, 2, 65535):
                    self.attempt(file_header() + pool + seal(kind, number, payload) + seal(5, 0, b""))
                    if number == 0 and kind != 2:
                        break

    def test_random_payloads_under_good_sums(self):
        dice = random.Random(11)
        for _ in range(40):
            data = file_header() + seal(1, 1, b"\x01\x01p")
            for _ in range(4):
                payload = bytes(dice.choice([0, 0, 1, 2, 5, 0x60, 0xE0, 0x80, 0xFF, dice.randrange(256)])
                                for _ in range(dice.randrange(200)))  # fmt: skip
                data += seal(dice.choice([2, 2, 2, 3, 4]), 1, payload, dice.randrange(1 << 64))
            self.attempt(data)

    def test_lengths_beyond_the_file_take_no_memory(self):
        block = b"WBLK" + struct.pack("<IIHHIIQ", 0, (16 << 20) - 1, 2, 1, 0, 0, 0)
        for data in (block, block[:20], b"WBLK" + b"\xff" * 28, block * 3):
            self.attempt(file_header() + data)
        self.attempt(file_header(size=4096)[:100])

    def test_versions(self):
        done = self.attempt(file_header(major=2))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"format 2", done.stderr)
        block = b"\x00\x03\x00\x01\x01\x00\x07\xe8\x07\x00\x00"
        later = seal(77, 1, b"what is not known yet") + seal(2, 1, b"\x90\x03xyz" + block, 5)
        data = file_header(minor=9, size=64) + seal(1, 1, b"\x01\x01p\x63\x02hi") + later + seal(5, 0, b"")
        (each,), errors = self.replay(self.file("later.weir", data))
        self.assertEqual((each["operations"], each["peak_requested"]), (1, 1000))
        self.assertIn("1 blocks and 1 records", errors[0])


class Environment(Recording):
    def test_an_unwritable_path_is_a_line_and_the_program_goes_on(self):
        job = self.job()
        for path in (str(self.folder / "missing" / "a.weir"), str(self.folder), job):
            done = weir("replay", "--json", job, env=os.environ | {"WEIR_RECORD": path})
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr.count(b"WEIR_RECORD"), 1, done.stderr)
        self.assertIn("lower", Path(job).read_text()[:100], "what was there stays")

    def test_two_processes_at_once_have_a_file_each(self):
        job, path = self.job(), str(self.folder / "both.weir")
        environment = os.environ | {"WEIR_RECORD": path}
        crew = [subprocess.Popen([TOOL, "replay", "--repeat", "30", job], env=environment, stdout=subprocess.DEVNULL)
                for _ in range(2)]  # fmt: skip
        for each in crew:
            self.assertEqual(each.wait(timeout=120), 0)
        for name in os.listdir(self.folder):
            if name.startswith("both"):
                for _ in blocks_of((self.folder / name).read_bytes()):
                    pass

    def test_the_processs_number_in_the_path(self):
        self.record("replay", self.job(), name="run-%p.weir")
        (made,) = [name for name in os.listdir(self.folder) if name.startswith("run-")]
        self.assertRegex(made, r"^run-\d+\.weir$")

    def test_a_killed_program_leaves_whole_blocks(self):
        path = str(self.folder / "killed.weir")
        child = subprocess.Popen([TOOL, "replay", "--repeat", "1000", self.job()], stdout=subprocess.DEVNULL,
                                 env=os.environ | {"WEIR_RECORD": path})  # fmt: skip
        while not os.path.exists(path) or os.path.getsize(path) < 300_000:
            self.assertIsNone(child.poll())
        child.kill()
        child.wait()
        (each,), errors = self.replay(path)
        self.assertGreater(each["operations"], 10_000)
        self.assertTrue(each["cut"])
        self.assertEqual(len(errors), 1, errors)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
