#!/usr/bin/env python3
"""`weir report`: the page's numbers, read here without its scripts, are the recording's; names do no harm; --json."""

import json
import os
import random
import re
import sys
import unittest
from pathlib import Path

from recording_file import COUNTS, Writer, blocks_of, records_of, totals_of
from report_page import BEGIN, Page
from tool import MIB, ToolCase, event, intervals, rmm, snapshot, weir

TRACES = Path(os.environ.get("WEIR_SHARED_DATA", "../shared/data")) / "traces"
HOSTILE = ["</script><script>document.title='owned'</script>", "<!--<script>", "<img src=x onerror=alert(1)>", "a&amp;b",
           "quote\"'`${1}", "snow \u2028 \u2603", "bad \udcff\udcfe bytes", "]]>", "__proto__"]  # fmt: skip


def scene(seed=5, events=4000):
    """A recording with everything in it."""
    dice, made = random.Random(seed), Writer("scene", limit=1 << 30)
    now, live, number, base = 10**9, {}, 0, 0x7F0000000000
    tags = [made.tag(name, now) for name in ("edges", "points", "cells")] + [0]
    for page in range(40):
        made.pages(3, now, 2 * MIB, 0)
        made.pages(5, now, 2 * MIB, base + page * 2 * MIB)
    for _ in range(events):
        now += dice.randrange(1, 5000)
        choice = dice.random()
        if live and choice < 0.42:
            block = dice.choice(list(live))
            del live[block]
            made.free(now, block)
        elif live and choice < 0.45:
            block = dice.choice(list(live))
            made.resize(now, block, dice.randrange(1, 60_000), live[block], way=6)
        elif choice < 0.47:
            made.transfer(now, now + dice.randrange(1, 900), number, dice.randrange(1, 1 << 20), 11 + dice.randrange(2))
        elif choice < 0.48:
            made.record(9, now, b"\x07", way=0)
        else:
            number += 1
            live[number] = base + dice.randrange(150_000) * 512
            made.allocate(now, number, dice.randrange(1, 60_000), live[number], way=1 + dice.randrange(3), tag=dice.choice(tags))
    return made


class Report(ToolCase):
    def report(self, source, *arguments, status=0):
        """The page, the JSON beside it, and the finished process."""
        page, told = self.folder / "out.html", self.folder / "out.json"
        done = weir("report", source, "-o", str(page), "--json", str(told), *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        if status:
            self.assertFalse(page.exists() or told.exists())
            return None, None, done
        return Page(page.read_text()), json.loads(told.read_text()), done


class Numbers(Report):
    def test_the_page_has_every_change_of_a_recording(self):
        path = str(self.folder / "run.weir")
        rows = random.Random(2)
        spans = [(start, start + rows.randrange(1, 300), rows.choice([700, 5000, 300_000, 3 * MIB]))
                 for start in (rows.randrange(9000) for _ in range(2000))]  # fmt: skip
        done = weir("replay", self.file("job.csv", intervals(*spans)), env=os.environ | {"WEIR_RECORD": path})
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [each for kind, pool, time, payload in blocks_of(Path(path).read_bytes()) if kind == 2
                   for each in records_of(payload, time)]  # fmt: skip
        page, told, _ = self.report(path)
        self.same_as_records(page, records)
        (pool,) = told["pools"]
        latencies = pool["latencies"]
        self.assertEqual(latencies["arena"]["count"] > 0, True)
        self.assertEqual(latencies["growth"]["count"], pool["misses"])
        self.assertLessEqual(latencies["growth"]["p50_ns"], latencies["growth"]["p99_ns"])
        self.assertEqual(told["notes"], [])

    def test_and_of_one_with_resizes_transfers_and_refusals(self):
        data = scene().bytes()
        records = [each for kind, pool, time, payload in blocks_of(data) if kind == 2 for each in records_of(payload, time)]
        page, told, _ = self.report(self.file("scene.weir", data))
        books = self.same_as_records(page, records)
        (pool,) = told["pools"]
        moves = {way: sorted(end["time"] - start["time"] for start in records if start["kind"] == 7 and start["way"] == way
                             for end in records if end["kind"] == 8 and end["block"] == start["block"]
                             and 0 <= end["time"] - start["time"] < 900) for way in (11, 12)}  # fmt: skip
        for way, name in ((11, "upload"), (12, "download")):
            known = pool["latencies"][name]
            self.assertEqual(known["count"], sum(each["kind"] == 7 and each["way"] == way for each in records))
            self.assertEqual((known["p50_ns"], known["max_ns"]), (moves[way][(len(moves[way]) + 1) // 2 - 1], moves[way][-1]))
        self.assertEqual(pool["refusals"], sum(each["kind"] == 9 for each in records))
        self.assertGreater(len(books), 2000)

    def same_as_records(self, page, records):
        data, totals = page.pool(), totals_of(records)
        books = data.books()
        (model,) = page.model["pools"]
        self.assertEqual(max(each[0] for each in books), totals["requested_peak"])
        self.assertEqual(max(each[1] for each in books), totals["allocated_peak"])
        self.assertEqual(max(each[2] for each in books), totals["reserved_peak"])
        self.assertEqual(books[-1], tuple(totals[name] for name in ("requested_live", "allocated_live", "reserved_live")))
        for name in COUNTS:
            what, _, which = name.rpartition("_")
            known = model[what][which] if what in ("requested", "allocated", "reserved") else model[name]
            self.assertEqual(known, totals[name], name)
        self.same_blocks(page, data, records)
        self.same_levels(data, books)
        return books

    def same_blocks(self, page, data, records):
        """Addresses, owners and sizes of what is live, at some moments."""
        regions, names = page.model["pools"][0]["shape"]["regions"], page.model["names"]
        live, named, moment, looked = {}, {}, 0, 0
        for each in records:
            if each["kind"] == 64:
                named[each["named"]] = each["name"]
            elif each["kind"] in (0, 2):
                owner = named.get(each["tag"], "") if each["kind"] == 0 else live[each["block"]][2]
                now = (each["address"], each["bytes"], owner)
                moment += 1 if each["kind"] == 0 else 2 if live[each["block"]] != now else 0
                live[each["block"]] = now
            elif each["kind"] == 1:
                del live[each["block"]]
                moment += 1
            else:
                moment += each["kind"] in (3, 4)
            if moment % 331 == 0 and moment > looked:
                looked = moment
                found = sorted((self.address(regions, data.offset[life]), data.bytes[life], names[data.tag[life]])
                               for life in data.live(moment))  # fmt: skip
                self.assertEqual(found, sorted(live.values()), moment)
        self.assertEqual(moment, len(data.kinds))
        self.assertGreater(looked, 0)

    def address(self, regions, offset):
        for start, size in regions:
            if offset < size:
                return int(start, 16) + offset
            offset -= size
        self.fail("an offset behind all regions")

    def same_levels(self, data, books):
        for level in data.levels:
            for bucket, highest in enumerate(level["highest"]):
                part = books[bucket * level["step"] : (bucket + 1) * level["step"]]
                self.assertEqual(books[highest][0], max(each[0] for each in part))
                self.assertEqual(sum(band[bucket] for band in level["bands"]), books[highest][0])
                self.assertEqual(level["lowest"][bucket], min(each[0] for each in part))
                self.assertEqual(level["reserved"][bucket], max(each[2] for each in part))

    def test_formats_of_other_tools(self):
        log = rmm("allocate,0x7f000000,1048576,0x0", "allocate,0x8f000000,2097152,0x1a", "free,0x7f000000,1048576,0x1a")
        frames = [{"filename": "/home/me/train.py", "line": 7, "name": "step"}]
        held = [event("segment_alloc", 0x7000, 8 * MIB), event("alloc", 0x7000, 5 * MIB, frames=frames),
                event("free_completed", 0x7000, 5 * MIB), event("alloc", 0x7000, 2 * MIB, frames=frames)]  # fmt: skip
        segment = {"device": 0, "address": 0x7000, "total_size": 8 * MIB, "stream": 0, "blocks": [
            {"address": 0x7000, "size": 2 * MIB, "requested_size": 2 * MIB, "state": "active_allocated"}]}  # fmt: skip
        for name, content, peak, reserved, places, times in (
            ("a.csv", intervals((0, 10, 5 * MIB), (2, 8, 3 * MIB)), 8 * MIB, 0, False, False),
            ("log.txt", log, 3 * MIB, 0, True, True),
            ("s.pickle", snapshot(held, segments=[segment]), 5 * MIB, 8 * MIB, True, False),
        ):  # fmt: skip
            page, told, _ = self.report(self.file(name, content))
            (pool,), books = told["pools"], page.pool().books()
            self.assertEqual((pool["requested"]["peak"], max(each[0] for each in books)), (peak, peak), name)
            self.assertEqual((pool["reserved"]["peak"], max(each[2] for each in books)), (reserved, reserved), name)
            self.assertEqual((pool["has_addresses"], pool["has_times"]), (places, times), name)
        self.assertEqual([owner["owner"] for owner in pool["owners"]], ["/home/me/train.py:7 step"])
        self.assertEqual(page.model["pools"][0]["shape"]["bands"], ["/home/me/train.py:7 step"])
        (mapped,) = page.pool().mapped
        self.assertEqual(mapped[1], 8 * MIB)

    def test_recorded_traces(self):
        if not TRACES.is_dir():
            self.skipTest(f"no shared traces at {TRACES}")
        for name, peak, reserved in (
            ("pytorch/niu_fwdbwd_200.pickle", 1_229_753_640, 1_390_411_776),
            ("pytorch/wedsonlin_medium_ctx128_training.pickle", 7_013_335_044, 7_235_174_400),
            ("pytorch/wedsonlin_medium_ctx256_inference.pickle", 1_793_775_616, 1_864_368_128),
            ("idealloc/resnet50.csv", 1_515_472_556, 0), ("minimalloc/A.1048576.csv", 1048576, 0),
        ):  # fmt: skip
            page, told, _ = self.report(str(TRACES / name))
            books = page.pool().books()
            self.assertEqual((max(each[0] for each in books), max(each[2] for each in books)), (peak, reserved), name)
            (pool,) = told["pools"]
            self.assertEqual((pool["requested"]["peak"], pool["reserved"]["peak"]), (peak, reserved), name)
        log = TRACES / "torch26/torch26_small_fixed_two_threads_rmm.csv.gz"
        if log.exists():
            page, told, _ = self.report(str(log))
            self.assertEqual(sum(each in (0, 1) for each in page.pool().kinds), 53211)
            self.assertEqual(len(set(page.pool().thread)), 2)


class Harmless(Report):
    def test_the_page_asks_for_nothing(self):
        page, _, _ = self.report(self.file("scene.weir", scene(events=300).bytes()))
        self.assertIn("default-src 'none'", page.text)
        self.assertNotIn("unsafe", page.text)
        allowed, made = page.sums()
        self.assertEqual(allowed, made)
        self.assertNotRegex(page.text.replace("http-equiv", ""), r"https?:|\bsrc=|\bhref=|url\(|@import|XMLHttp|fetch\(")

    def hostile(self):
        made = Writer(HOSTILE[0])
        for number, name in enumerate(HOSTILE):
            made.allocate(1000 + number, number + 1, 5000 + number, 0x10000 * (number + 1), tag=made.tag(name))
        return made

    def test_names_are_text_wherever_they_come_from(self):
        page, told, _ = self.report(self.file("</script> & 'co'.weir".replace("/", "_"), self.hostile().bytes()))
        self.assertEqual(page.text.count("<script"), 3)
        self.assertEqual(page.text.count("</script"), 3)
        self.assertNotIn("<!--", page.text)
        self.assertEqual(page.text.count("<img"), 0)
        named = {owner["owner"] for owner in told["pools"][0]["owners"]}
        for name in HOSTILE:
            self.assertTrue(name in named or "\udcff" in name, name)
        self.assertEqual(told["pools"][0]["name"], HOSTILE[0])
        page.pool()

    def test_numbers_at_their_bounds(self):
        made, most = Writer("edge"), ((1 << 32) - 1) * 512
        for number, (size, address) in enumerate(((most, (1 << 64) - 512), (1, 0), (0, 1 << 63), (most, 512))):
            made.allocate((1 << 62) * number, number, size, address)
        made.free(1, 1)
        data = made.bytes()
        page, _, _ = self.report(self.file("edge.weir", data))
        self.assertEqual(max(each[0] for each in page.pool().books()), 2 * most + 1)
        for data, notes in ((Writer("nothing").bytes(), 0), (data[:-40], 1), (data[:48], 1)):
            _, told, done = self.report(self.file("some.weir", data))
            self.assertEqual((len(told["notes"]), done.stderr.count(b"\n")), (notes, notes))

    def test_changed_bytes_never_harm(self):
        data, dice = scene(events=800).bytes(), random.Random(9)
        for _ in range(15):
            changed = bytearray(data)
            changed[dice.randrange(48, len(data))] ^= 1 << dice.randrange(8)
            page, _, _ = self.report(self.file("changed.weir", bytes(changed)))
            for number in range(len(page.model["pools"])):
                page.pool(number)


class CommandLine(Report):
    def test_json_is_what_the_page_has(self):
        page, told, done = self.report(self.file("scene.weir", scene(events=500).bytes()))
        for pool in page.model["pools"]:
            del pool["shape"]
        del page.model["names"]
        self.assertEqual(page.model, told)
        self.assertIn(b"wrote " + str(self.folder / "out.html").encode(), done.stdout)

    def test_json_alone_and_to_the_standard_output(self):
        path = self.file("scene.weir", scene(events=100).bytes())
        done = weir("report", path, "--json", "-")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(json.loads(done.stdout)["pools"][0]["name"], "scene")

    def test_findings_name_the_setting_and_the_value(self):
        made = Writer("grow")
        edges, size = made.tag("edges"), 4096
        made.allocate(1000, 1, size, 0x100000, tag=edges)
        for number in range(14):
            size += 4096
            made.resize(2000 + number, 1, size, 0x100000, way=6)
        made.allocate(3000, 2, 5 * MIB, 0x900000, tag=made.tag("cells"))
        page, told, done = self.report(self.file("grow.weir", made.bytes({1: size + 5 * MIB})))
        by_rule = {each["rule"]: each for each in told["findings"]}
        self.assertEqual(by_rule["growth"]["owner"], "edges")
        self.assertIn('"edges" changed its size 14 times', by_rule["growth"]["text"])
        self.assertIn("from 4.00 KiB up to 60.00 KiB: create it with 60.00 KiB, or set its growth to 2.0", by_rule["growth"]["text"])
        self.assertIn("BufferOptions::growth", by_rule["growth"]["setting"])
        self.assertEqual({"edges", "cells"}, {each["owner"] for each in told["findings"] if each["rule"] == "leaks"})
        self.assertIn(b"set its growth to 2.0", done.stdout)
        ages = {owner["owner"]: owner["oldest_ns"] for owner in told["pools"][0]["owners"]}
        self.assertEqual(ages, {"edges": 2000, "cells": 0})  # since it was allocated, whatever its size was then
        data = page.pool()
        begun = [change for change, kind in enumerate(data.kinds) if kind == BEGIN]
        born = {data.times[begun[life] - data.since_born[life]] for life in range(len(begun)) if data.tag[life] == data.tag[0]}
        self.assertEqual(born, {0})
        self.assertTrue(told["pools"][0]["ended"])

    def test_a_low_hit_rate_is_found_where_a_cache_could_serve(self):
        for size, way, found in ((5000, 2, True), (5000, 1, False), (MIB, 2, False), (5000, 0, False)):
            made = Writer("hits")
            for number in range(1200):
                made.allocate(1000 + number, number, size, 0x10000 + number * 2 * MIB, way=way)
            _, told, _ = self.report(self.file("hits.weir", made.bytes()))
            rules = [each["rule"] for each in told["findings"]]
            self.assertEqual("hit_rate" in rules, found, (size, way, rules))

    def test_what_cannot_be_is_refused_by_name(self):
        good = self.file("good.weir", scene(events=50).bytes())
        done = weir("report", good)
        self.assertEqual((done.returncode, b"-o or --json" in done.stderr), (2, True))
        same = str(self.folder / "same")
        done = weir("report", good, "-o", same, "--json", same)
        self.assertEqual((done.returncode, b"name two" in done.stderr, os.path.exists(same)), (1, True, False))
        for source in (str(self.folder / "none"), str(self.folder), self.file("junk", b"no trace at all\n")):
            _, _, done = self.report(source, status=1)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertIn(source.encode(), done.stderr)
        done = weir("report", good, "-o", str(self.folder / "missing" / "a.html"))
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
