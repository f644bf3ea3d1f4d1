#!/usr/bin/env python3
"""`weir replay` on files made here: good ones of each format, and bad ones of every kind."""

import gzip
import json
import os
import pickle
import subprocess
import sys
import unittest

from tool import KEYS, MIB, TOOL, ToolCase, event, intervals, rmm, snapshot, weir

GOOD = intervals((0, 10, 5 * MIB), (2, 8, 3 * MIB), (8, 12, 3 * MIB))


class Formats(ToolCase):
    def one(self, name, content, *arguments):
        objects, errors = self.replay(self.file(name, content), *arguments)
        return objects[0], errors

    def test_intervals_free_before_they_allocate(self):
        each, errors = self.one("a.csv", GOOD)
        self.assertEqual((each["operations"], each["streams"], each["peak_requested"]), (6, 1, 8 * MIB))
        self.assertEqual((each["format"], errors), ("interval-csv", []))

    def test_rmm_log_with_streams_and_failures(self):
        rows = [
            "allocate,0x7f00,1048576,0x0", "allocate,0x8f00,2097152,0x1a", "allocate failure,0x0,99999999999,0x1a",
            "free,0x7f00,1048576,0x1a", "allocate,0x7f00,4194304,0xFF", "free,0x8f00,2097152,0x0",
            "allocate failure,(nil),1,0x0",
        ]  # fmt: skip
        each, errors = self.one("log.txt", rmm(*rows))
        self.assertEqual((each["format"], each["operations"], each["streams"]), ("rmm-csv", 5, 3))
        self.assertEqual(each["peak_requested"], 6 * MIB)
        self.assertEqual((each["failures"], each["unmatched_frees"], each["late_frees"], errors), (2, 0, 0, []))

    def test_rmm_log_of_threads_that_free_before_they_log(self):
        rows = ["1,t,allocate,0x10,4194304,0", "2,t,allocate,0x10,4194304,0", "1,t,free,0x10,4194304,0",
                "2,t,free,0x10,4194304,0", "2,t,free,0x99,1,0", "2,t,allocate failure,0x0,1,0"]  # fmt: skip
        log = "Thread,Time,Action,Pointer,Size,Stream\n" + "\n".join(rows) + "\n"
        each, errors = self.one("log", log)
        self.assertEqual((each["operations"], each["peak_requested"], errors), (4, 4 * MIB, []))
        self.assertEqual((each["failures"], each["unmatched_frees"], each["late_frees"]), (1, 1, 1))
        text = weir("replay", self.file("log", log)).stdout.decode()
        for words in ("1   failed allocations", "1   frees without a recorded", "1   frees recorded after their address"):
            self.assertIn(words, text)

    def test_snapshot_of_two_devices_and_three_streams(self):
        first = [event("alloc", 0x1000, 4 * MIB), event("alloc", 0x900000, 2 * MIB, stream=7),
                 event("free_requested", 0x1000, 4 * MIB), event("free_completed", 0x1000, 4 * MIB)]  # fmt: skip
        second = [event("alloc", 0x1000, 3 * MIB, stream=-5)]
        for protocol in (2, 3, 4, 5):
            each, _ = self.one("p", snapshot(first, [], second, protocol=protocol))
            self.assertEqual((each["format"], each["operations"], each["streams"]), ("pytorch-snapshot", 4, 3))
            self.assertEqual(each["peak_requested"], 9 * MIB)

    def test_snapshot_recorded_peak_and_blocks_live_before(self):
        block = {"address": 0x100000, "size": 2 * MIB, "requested_size": 2 * MIB, "state": "active_allocated"}
        segment = {"device": 0, "address": 0x100000, "total_size": 2 * MIB, "stream": 0, "blocks": [block]}
        events = [event("segment_alloc", 0x900000, 20 * MIB), event("alloc", 0x900000, 20 * MIB),
                  event("free_completed", 0x900000, 20 * MIB), event("segment_free", 0x900000, 20 * MIB)]  # fmt: skip
        each, _ = self.one("p", snapshot(events, segments=[segment]))
        self.assertEqual((each["operations"], each["peak_requested"]), (3, 22 * MIB))
        native = each["comparisons"]["pytorch_native"]
        self.assertEqual(native["recorded_peak_reserved"], 22 * MIB)
        altered, _ = self.one("p", snapshot([*events, event("segment_free", 0x5000000, 300 * MIB)], segments=[segment]))
        moved = altered["comparisons"]["pytorch_native"]
        self.assertEqual(moved["recorded_peak_reserved"], 322 * MIB)
        self.assertEqual(moved["peak_reserved"], native["peak_reserved"])

    def test_blocks_of_no_bytes(self):
        for device in ("dry", "host"):
            each, _ = self.one("zero.csv", rmm("allocate,(nil),0,0", "free,(nil),0,0"), "--device", device)
            self.assertEqual((each["operations"], each["peak_requested"]), (2, 0))

    def test_text_for_people(self):
        done = weir("replay", self.file("a.csv", GOOD))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"utilization", done.stdout)


class CutFiles(ToolCase):
    """What a killed program leaves: its whole lines are replayed, and the cut is told."""

    WHOLE = ["allocate,0x10,1048576,0x1", "allocate,0x20,2097152,0x2"]

    def cut(self, content, operations, cut_lines, *words):
        path = self.file("cut", content)
        (each,), errors = self.replay(path)
        self.assertEqual((each["operations"], each["cut_lines"], each["cut"]), (operations, cut_lines, True))
        self.assertEqual(len(errors), 1, errors)
        for word in (f"weir: {path}: ", "copy or record it again", *words):
            self.assertIn(word, errors[0])
        text = weir("replay", path).stdout.decode()
        self.assertIn("cut   the rest of the recording is missing", text)
        self.assertEqual("line cut at the file's end" in text, cut_lines == 1)
        fits = weir("replay", "--fits", "1GiB", path)
        self.assertEqual((fits.returncode, fits.stderr.count(b"\n")), (0, 1))
        return each

    def test_a_line_without_an_end_is_no_line(self):
        for last in ("allocate,0x30,4194304,0x2f", "allocate,0x30,41", "free,0x10,1048576,0x1", "allo"):
            each = self.cut(rmm(*self.WHOLE, last)[:-1], 2, 1, "last line has no end")
            self.assertEqual((each["streams"], each["peak_requested"]), (2, 3 * MIB), last)
        each = self.cut(intervals((0, 9, MIB), (1, 5, 4 * MIB))[:-1], 2, 1, "last line has no end")
        self.assertEqual(each["peak_requested"], MIB)

    def test_whole_files_are_not_cut(self):
        for content in (rmm(*self.WHOLE), rmm(*self.WHOLE) + "\n \n", gzip.compress(rmm(*self.WHOLE).encode())):
            (each,), errors = self.replay(self.file("whole", content))
            self.assertEqual((each["operations"], each["cut_lines"], each["cut"], errors), (2, 0, False, []))

    def test_gzip_data_give_their_whole_lines(self):
        rows = [f"allocate,0x{i:x},1048576,0x{i % 5:x}" for i in range(2000)]
        packed = gzip.compress(rmm(*rows).encode())
        path = self.file("half", packed[: len(packed) // 2])
        (each,), errors = self.replay(path)
        self.assertEqual((each["cut"], each["streams"], len(errors)), (True, 5, 1))
        self.assertTrue(500 < each["operations"] < 2000)
        self.assertEqual(each["peak_requested"], each["operations"] * MIB)
        few = gzip.compress(rmm(*self.WHOLE).encode())
        self.cut(few[:-4], 2, 0, "gzip data are cut off")
        damaged = bytearray(few)
        damaged[-6] ^= 1
        _, errors = self.replay(self.file("damaged", bytes(damaged)), status=1)
        self.assertIn("damaged", errors[0])

    def test_nothing_whole_is_left(self):
        for content in (rmm("allocate,0x1,1,0")[:-1], rmm()[:-1], intervals((0, 1, 1))[:-1], gzip.compress(b"x")[:5]):
            _, errors = self.replay(self.file("cut", content), status=1)
            self.assertEqual(len(errors), 1)
            self.assertIn("cut", errors[0])


class Wide(ToolCase):
    """Numbers that do not fit where smaller ones do."""

    def test_snapshot_addresses_of_all_64_bits(self):
        high = 0xFF00_0000_0000_0000
        plain = [event("alloc", high, 4 * MIB, high), event("alloc", 1 << 63, MIB, 3),
                 event("free_completed", high, 4 * MIB, high)]  # fmt: skip
        block = {"address": high + 8 * MIB, "size": MIB, "requested_size": MIB, "state": "active_allocated"}
        segment = {"device": 0, "address": high, "total_size": 9 * MIB, "stream": high, "blocks": [block]}
        signed = [each | {"addr": each["addr"] - (1 << 64)} for each in plain]
        wanted = None
        for events in (plain, signed):
            trace = self.file("p", snapshot(events, segments=[segment]))
            (each,), errors = self.replay("--capacity", "3MiB", trace)
            self.assertEqual((each["operations"], each["streams"], each["peak_requested"]), (4, 2, 6 * MIB))
            self.assertEqual((each["refused"][0]["address"], each["refused"][0]["stream"], errors), (high, high, []))
            wanted = wanted or each["largest_holders"]
            self.assertEqual(each["largest_holders"], wanted)

    def test_more_streams_than_a_pool_serves(self):
        count = 40_000
        header = "Thread,Time,Action,Pointer,Size,Stream\n"
        passing = "".join(f"{i},t,allocate,0x10,1048576,{i:x}\n{i},t,free,0x10,1048576,{i:x}\n" for i in range(count))
        trace = self.file("passing", header + passing)
        (each,), errors = self.replay("--threads", "merge", trace)
        self.assertEqual((each["streams"], each["operations"], errors), (count, 2 * count, []))
        self.assertLessEqual(each["peak_reserved"], 16 * MIB)
        _, errors = self.replay(trace, status=1)
        self.assertIn("--threads merge", errors[0])
        held = "".join(f"1,t,allocate,{16 * i:x},1,{i:x}\n" for i in range(count))
        path = self.file("held", header + held)
        _, errors = self.replay(path, status=1)
        for word in (path, f"{count} streams in use at once", "at most 32767", "record a shorter part"):
            self.assertIn(word, errors[0])


class Capacity(ToolCase):
    def test_too_small_is_an_answer(self):
        trace = self.file("a.csv", GOOD)
        for device in ("dry", "host"):
            (each,), errors = self.replay("--capacity", "6MiB", "--device", device, trace)
            self.assertFalse(each["fits"])
            self.assertEqual([holder["bytes"] for holder in each["largest_holders"]], [5 * MIB])
            self.assertEqual(errors, [])
        text = weir("replay", "--capacity", "6MiB", trace)
        self.assertEqual(text.returncode, 0)
        first = text.stdout.decode().splitlines()[0]
        self.assertEqual(first, f"DOES NOT FIT in 6.00 MiB; 8.00 MiB are enough: {trace}")
        self.assertIn(b"refused         3.00 MiB, line 3, id 1, stream 0x0; 5.00 MiB were live then", text.stdout)
        self.assertIn(b"    5.00 MiB, line 2, id 0, stream 0x0", text.stdout)

    def test_figures_are_of_the_whole_trace(self):
        trace = self.file("a.csv", GOOD)
        (whole,), _ = self.replay(trace)
        for capacity in ("2MiB", "6MiB"):
            (each,), errors = self.replay("--capacity", capacity, trace)
            self.assertFalse(each["fits"])
            for key in set(KEYS) - {"ns_per_operation"}:
                self.assertEqual(each[key], whole[key], key)
            self.assertEqual((each["needed"], errors), (whole["peak_reserved"], []))
        (enough,), _ = self.replay("--capacity", str(each["needed"]), trace)
        self.assertTrue(enough["fits"])
        (refused,) = self.replay("--capacity", "1MiB", trace)[0][0]["refused"]
        self.assertEqual((refused["bytes"], refused["id"], refused["line"], refused["live"]), (5 * MIB, "0", 2, 0))

    def test_holders_are_named_as_the_recording_names_them(self):
        frames = [{"filename": "train.py", "line": 7, "name": "step"}, {"filename": "main.py", "line": 1, "name": "run"}]
        block = {"address": 0x100000, "size": 2 * MIB, "requested_size": 2 * MIB, "state": "active_allocated",
                 "frames": [{"filename": "model.py", "line": 3, "name": "init\x1b"}]}  # fmt: skip
        segment = {"device": 0, "address": 0x100000, "total_size": 2 * MIB, "stream": 7, "blocks": [block]}
        events = [event("alloc", 0x900000, 4 * MIB, 7, frames), event("alloc", 0xF00000, 8 * MIB)]
        trace = self.file("p", snapshot(events, segments=[segment]))
        (each,), _ = self.replay("--capacity", "6MiB", trace)
        named = [(one["bytes"], one["address"], one["stream"], one["frame"], one["id"], one["line"])
                 for one in each["largest_holders"]]  # fmt: skip
        self.assertEqual(named, [(4 * MIB, 0x900000, 7, "train.py:7 step", None, None),
                                 (2 * MIB, 0x100000, 7, "model.py:3 init\x1b", None, None)])  # fmt: skip
        self.assertEqual((each["refused"][0]["address"], each["refused"][0]["frame"]), (0xF00000, None))
        text = weir("replay", "--capacity", "6MiB", trace).stdout
        self.assertIn(b"4.00 MiB, at 0x900000, stream 0x7, train.py:7 step", text)
        self.assertNotIn(b"\x1b", text)
        log = self.file("log", rmm("allocate,0x10,4194304,0x1a", "allocate,0x20,4194304,0x0"))
        (each,), _ = self.replay("--capacity", "6MiB", log)
        (holder,) = each["largest_holders"]
        self.assertEqual((holder["address"], holder["line"], holder["stream"]), (0x10, 2, 0x1A))

    def test_several_devices(self):
        small, large = event("alloc", 0x1000, 2 * MIB), event("alloc", 0x10000000, 6 * MIB)
        next_to = event("alloc", 0x20000000, 3 * MIB)
        (each,), _ = self.replay("--capacity", "6MiB", self.file("p", snapshot([small, large], [large, next_to], [small])))
        self.assertEqual([(one["device"], one["bytes"]) for one in each["refused"]], [(0, 6 * MIB), (1, 3 * MIB)])
        self.assertEqual([(one["device"], one["bytes"]) for one in each["largest_holders"]],
                         [(1, 6 * MIB), (0, 2 * MIB)])  # fmt: skip
        self.assertEqual((each["needed"], each["peak_reserved"]), (10 * MIB, 20 * MIB))

    def test_the_environment_has_no_say(self):
        trace = self.file("a.csv", GOOD)
        plain = self.replay(trace)[0][0]
        plain.pop("ns_per_operation")
        for name, value in (("WEIR_LIMIT", "1MiB"), ("WEIR_POOL", "off"), ("WEIR_POOL", "segments")):
            done = weir("replay", "--json", trace, env=os.environ | {name: value})
            each = json.loads(done.stdout)
            each.pop("ns_per_operation")
            self.assertEqual(each, plain, name)
        named = weir("replay", "--json", "--device", "dry", trace, env=os.environ | {"WEIR_LIMIT": "1MiB"})
        self.assertEqual((named.returncode, named.stdout, named.stderr.count(b"\n")), (1, b"", 1))
        for arguments in ([trace], ["--device", "host", trace], ["--capacity", "6MiB", trace]):
            wrong = weir("replay", *arguments, env=os.environ | {"WEIR_LIMIT": "many"})
            self.assertEqual((wrong.returncode, wrong.stderr.count(b"\n")), (1, 1))
            self.assertTrue(wrong.stderr.startswith(b"weir: WEIR_LIMIT: 'many' is not a number"), wrong.stderr)

    def test_a_unit_in_the_next_word(self):
        trace = self.file("a.csv", GOOD)
        for words in (["--capacity", "24", "GiB"], ["--capacity=24", "GiB"], ["--capacity", "24", "gib"]):
            objects, errors = self.replay(*words, trace, bounded=True)
            self.assertEqual(([each["fits"] for each in objects], errors), ([True], []))
        done = weir("replay", trace, "--capacity", "6", "MiB")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(done.stdout.startswith(b"DOES NOT FIT in 6.00 MiB"))

    def test_less_than_a_page(self):
        trace = self.file("a.csv", GOOD)
        for capacity in ("24", "1MiB"):
            (each,), errors = self.replay("--capacity", capacity, trace)
            self.assertFalse(each["fits"])
            self.assertEqual(len(errors), 1)
            for word in ("--capacity: ", "one page", "2.00 MiB", "24GiB"):
                self.assertIn(word, errors[0])

    def test_enough(self):
        for capacity in ("24GiB", "24 GiB", "10485760", "0.5g"):
            (each,), _ = self.replay("--capacity", capacity, self.file("a.csv", GOOD))
            self.assertTrue(each["fits"])

    def test_no_bound_without_one(self):
        terabytes = [(i, 100, 900 << 30) for i in range(8)]
        for rows in ([(0, 1, 400 << 30)], terabytes):
            (each,), errors = self.replay(self.file("a.csv", intervals(*rows)))
            self.assertEqual((each["peak_requested"], errors), (sum(size for _, _, size in rows), []))
            self.assertNotIn("fits", each)
        (each,), _ = self.replay("--capacity", "401GiB", self.file("a.csv", intervals((0, 1, 400 << 30))))
        self.assertTrue(each["fits"])

    def test_a_block_beyond_any_pool_is_no_answer(self):
        trace = self.file("a.csv", intervals((0, 1, 3 << 40)))
        objects, errors = self.replay(trace, status=1)
        self.assertEqual((objects, len(errors)), ([], 1))
        for word in (trace, "3.00 TiB", "2.00 TiB"):
            self.assertIn(word, errors[0])


class BadFiles(ToolCase):
    def refused(self, path, *words):
        """One bad file between two good ones: these are replayed, and one line names it."""
        good = self.file("good", GOOD)
        objects, errors = self.replay(good, path, good, status=1)
        self.assertEqual([each["file"] for each in objects], [good, good])
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(os.fsdecode(path), errors[0])
        for word in words:
            self.assertIn(word, errors[0])

    def test_not_a_file(self):
        self.refused(str(self.folder), "directory")
        self.refused(str(self.folder / "missing"), "no such file")
        self.refused("/dev/null", "regular file")
        fifo = str(self.folder / "fifo")
        os.mkfifo(fifo)
        self.refused(fifo, "regular file")
        loop = self.folder / "loop"
        loop.symlink_to(loop)
        self.refused(str(loop))

    def test_empty_path(self):
        objects, errors = self.replay("", status=1)
        self.assertEqual((objects, len(errors)), ([], 1))

    def test_unreadable(self):
        path = self.file("secret", GOOD)
        os.chmod(path, 0)
        if not os.access(path, os.R_OK):
            return self.refused(path, "denied")
        # This user may read everything; one who may not is found for a user who may become any.
        os.chmod(self.folder, 0o777)
        counts = {"GCOV_PREFIX": str(self.folder)}  # where a build that counts lines may write as that user
        try:
            done = weir("replay", path, user=65534, env=os.environ | counts)
        except PermissionError:
            self.skipTest("no user here who may run the tool and not read the file")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr.decode(), f"weir: {path}: cannot be read: Permission denied\n")

    def test_not_a_trace(self):
        self.refused(self.file("a", b""), "empty")
        self.refused(self.file("a", b" \n\n"), "blanks")
        self.refused(self.file("a", bytes(range(256)) * 100))
        self.refused(self.file("a", b"\0" * 5000))
        self.refused(self.file("a", b"a" * 100_000))
        self.refused(self.file("a", b"PK\x03\x04"), "zip")
        self.refused(self.file("a", b"\x1f\x8b"), "gzip")
        self.refused(self.file("a", "Hello\n"), "Hello")

    def test_tables(self):
        for header in ("id,lower,upper,size\n", "Thread,Time,Action,Pointer,Size,Stream\n"):
            self.refused(self.file("a", header))
        for row in ((5, 5, 1), (6, 5, 1), (0, 1, -1), (0, 1, "x"), (0, 1, 1 << 61), (0, 1 << 64, 1), (0, 1, "1,2")):
            self.refused(self.file("a", intervals((0, 1, 1), row)), "line 3")
        half = (0, 1, 1 << 59)
        self.refused(self.file("a", intervals(half, half, half)), "1 EiB")
        for row in ("jump,0x1,1,0", "allocate,xyz,1,0", "allocate,0x1,-1,0", "allocate,0x1,1", "allocate,0x7,1,0"):
            self.refused(self.file("a", rmm("allocate,0x7,1,0", row)), "line 3")

    def test_pickles(self):
        class Hostile:
            def __reduce__(self):
                return os.system, ("true",)

        good = snapshot([event("alloc", 1, 1)])
        cyclic = []
        cyclic.append(cyclic)
        for content in (
            pickle.dumps(Hostile(), 4), pickle.dumps([1]), pickle.dumps({}), pickle.dumps({"device_traces": 3}),
            pickle.dumps(cyclic), snapshot(cyclic), snapshot([]), snapshot([Hostile()]), snapshot([{"action": 3}]),
            snapshot([event("alloc", -1, 2)]), snapshot([event("alloc", 1, 1 << 70)]), snapshot([event("alloc", 1, 1.5)]),
            good + b"x", good[:-1], pickle.dumps({"device_traces": []}, 0), b"\x80\x06.", b"\x80", b"\x80\x04]\x94",
        ):  # fmt: skip
            self.refused(self.file("a", content))

    def test_all_bad_leaves_stdout_empty(self):
        objects, errors = self.replay("/nonexistent/a", "/nonexistent/b", status=1)
        self.assertEqual((objects, len(errors)), ([], 2))


class Names(ToolCase):
    def test_newline_and_terminal_codes(self):
        good = self.file("two\nlines\x1b[2J", GOOD)
        objects, _ = self.replay(good)
        self.assertEqual(objects[0]["file"], good)
        self.assertNotIn(b"\x1b", weir("replay", good).stdout)
        bad = weir("replay", self.file("bad\nname", "x"))
        self.assertEqual((bad.returncode, bad.stderr.count(b"\n")), (1, 1))
        large = weir("replay", self.file("large\nname", intervals((0, 1, 1 << 50))))
        self.assertEqual((large.returncode, large.stderr.count(b"\n")), (1, 1))

    def test_not_utf8(self):
        path = os.fsencode(self.folder) + b"/caf\xe9"
        try:
            with open(path, "wb") as file:
                file.write(GOOD.encode())
        except OSError:
            self.skipTest("the file system takes only UTF-8 names")
        objects, _ = self.replay(path)
        self.assertTrue(objects[0]["file"].endswith("caf\ufffd"))
        self.assertEqual(weir("replay", path).returncode, 0)
        _, errors = self.replay(path + b".missing", status=1)
        self.assertIn("no such file", errors[0])

    def test_a_name_like_an_option(self):
        self.file("--json", GOOD)
        done = weir("replay", "--", "--json", cwd=self.folder)
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (0, b"--json"))


class Output(ToolCase):
    def test_progress_only_on_a_terminal(self):
        path = self.file("x" * 100 + ".csv", intervals(*((i, i + 5, MIB) for i in range(5000))))
        main, terminal = os.openpty()
        done = weir("replay", "--json", path, stderr=terminal)
        shown = os.read(main, 1 << 16).decode()
        os.close(terminal)
        os.close(main)
        self.assertEqual((done.returncode, json.loads(done.stdout)["operations"]), (0, 10000))
        self.assertIn("100 % ", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), "the bar is cleared at the end")
        self.assertNotIn("\n", shown)
        for drawn in shown.split("\r\x1b[K"):
            self.assertLess(len(drawn), 80)
        self.assertEqual(weir("replay", path).stderr, b"")

    def test_full_disk(self):
        trace = self.file("a.csv", GOOD)
        for arguments in (["replay", "--json", trace, trace], ["replay", trace], ["devices"], ["--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                done = weir(*arguments, stdout=full)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertIn(b"stdout", done.stderr)

    def test_closed(self):
        trace = self.file("a.csv", GOOD)
        for arguments in (["replay", trace], ["replay", "--device", "host", trace], ["devices", "--json"]):
            closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", TOOL, *arguments], stderr=subprocess.PIPE)
            self.assertEqual(closed.returncode, 1, arguments)
            silent = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", TOOL, *arguments], stdout=subprocess.PIPE)
            self.assertEqual(silent.returncode, 0, arguments)
            self.assertTrue(silent.stdout)

    def test_reader_gone(self):
        trace = self.file("a.csv", GOOD)
        reader, writer = os.pipe()
        os.close(reader)
        # With SIGPIPE as a shell leaves it, the process ends by it; ignored, it is an error of writing.
        self.assertEqual(weir("replay", trace, stdout=writer).returncode, -13)
        self.assertEqual(weir("replay", trace, stdout=writer, restore_signals=False).returncode, 1)
        os.close(writer)


if __name__ == "__main__":
    sys.exit(unittest.main())
