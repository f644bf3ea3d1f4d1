#!/usr/bin/env python3
"""`weir graph` from outside: every format in and out, the report for scripts, Ctrl-C, errors in one line."""

import csv
import gzip
import io
import json
import math
import os
import pty
import signal
import subprocess
import unittest
import xml.etree.ElementTree
from pathlib import Path

from tool import TOOL, ToolCase, may_be_interrupted, weir

KEYS = [
    "nodes", "edges", "self_loops", "duplicates", "steps", "settled", "seconds", "step_seconds",
    "steps_per_second", "stress", "edge_length_spread", "hit_rate", "driver_calls_after_warm_up", "frames", "frames_dropped", "overlap",
    "resizes_in_place", "bytes_moved_by_growth", "checksum", "format", "packed", "weighted", "label_hits",
    "label_misses", "read_seconds", "law", "dimensions", "seed", "coarse_steps", "interrupted", "device", "kernels",
    "requests", "driver_calls", "memory_high_water", "pinned_high_water", "recoveries", "lost_bytes", "recovery_seconds",
    "spilled_bytes",
]  # fmt: skip
SHARED = Path(os.environ.get("WEIR_SHARED_DATA", "/nonexistent")) / "graph"
RING = [(i, (i + 1) % 12) for i in range(12)] + [(0, 6), (3, 9)]


def edge_list(edges):
    return "".join(f"{a} {b}\n" for a, b in edges)


def in_every_format(edges):
    """The same graph in each format that is read: its name and its text."""
    nodes = sorted({node for edge in edges for node in edge})
    tags = "".join(f'<edge source="{a}" target="{b}"/>' for a, b in edges)
    listed = "".join(f'<node id="{n}"/>' for n in nodes)
    return {
        "x.txt": "# a comment\n" + edge_list(edges),
        "x.csv": "Source,Target\n" + "".join(f"{a},{b}\n" for a, b in edges),
        "x.tsv": "".join(f"{a}\t{b}\n" for a, b in edges),
        "x.mtx": f"%%MatrixMarket matrix coordinate pattern symmetric\n{len(nodes)} {len(nodes)} {len(edges)}\n"
        + "".join(f"{max(a, b) + 1} {min(a, b) + 1}\n" for a, b in edges),
        "x.gml": "graph [\n" + "".join(f"node [ id {n} ]\n" for n in nodes)
        + "".join(f"edge [ source {a} target {b} ]\n" for a, b in edges) + "]\n",
        "x.graphml": f"<graphml><graph>{listed}{tags}</graph></graphml>",
        "x.gexf": f"<gexf><graph><nodes>{listed}</nodes><edges>{tags}</edges></graph></gexf>",
        "x.dot": "graph {" + "".join(f"{a} -- {b};" for a, b in edges) + "}",
    }  # fmt: skip


class Graph(ToolCase):
    def path(self, name):
        return str(self.folder / name)

    def graph(self, *arguments, status=0):
        done = weir("graph", "--device", "host", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def report(self, *arguments):
        report = json.loads(self.graph(*arguments, "--json").stdout)
        self.assertEqual(list(report), KEYS)
        return report

    def rows(self, name):
        return list(csv.DictReader(io.StringIO((self.folder / name).read_bytes().decode())))

    def test_report_and_layout(self):
        source = self.file("ring.txt", edge_list(RING + [(1, 0), (5, 5)]))
        report = self.report(source, "-o", self.path("out.json"), "-o", self.path("out.csv"), "--steps", "40")
        self.assertEqual([report[key] for key in KEYS[:4]], [12, 14, 1, 1])
        self.assertLessEqual(report["steps"], 40)
        self.assertGreater(report["steps"], 0)
        if report["steps"] >= 10:
            self.assertEqual(report["driver_calls_after_warm_up"], 0)
        self.assertGreaterEqual(report["hit_rate"], 0.9)
        self.assertRegex(report["checksum"], "^[0-9a-f]{16}$")
        self.assertEqual((report["label_hits"] + report["label_misses"], report["label_misses"]), (32, 12))
        layout = json.loads((self.folder / "out.json").read_bytes())
        self.assertEqual(layout["graph"], report)
        self.assertEqual((layout["directed"], layout["multigraph"]), (False, False))
        self.assertEqual([list(node) for node in layout["nodes"]], [["id", "label", "x", "y", "z"]] * 12)
        self.assertEqual({frozenset((e["source"], e["target"])) for e in layout["edges"]},
                         {frozenset(map(str, edge)) for edge in RING})  # fmt: skip
        rows = self.rows("out.csv")
        self.assertEqual([row["node"] for row in rows], [node["id"] for node in layout["nodes"]])
        for row, node in zip(rows, layout["nodes"]):
            self.assertEqual((float(row["x"]), float(row["y"]), float(row["z"])), (node["x"], node["y"], node["z"]))
            self.assertEqual(node["z"], 0)
        self.assertEqual(len({(node["x"], node["y"]) for node in layout["nodes"]}), 12)

    def test_edges_are_as_long_as_their_law_says(self):
        grid = [(i, i + 1) for i in range(49) if i % 7 != 6] + [(i, i + 7) for i in range(42)]
        for law in ("fr", "fa2", "app"):
            for dimensions in ("2", "3"):
                source = self.file("grid.txt", edge_list(grid))
                self.graph(source, "-o", self.path("out.csv"), "--law", law, "--dimensions", dimensions)
                at = {int(row["node"]): [float(row[axis]) for axis in "xyz"] for row in self.rows("out.csv")}
                pairs = [math.dist(at[a], at[b]) for a in range(49) for b in range(a)]
                beside = [math.dist(at[a], at[b]) for a, b in grid]
                if law == "app":  # whose springs are 80 long, and which may fold what they hold
                    self.assertAlmostEqual(sum(beside) / len(beside), 80, delta=8)
                else:
                    self.assertLess(2 * sum(beside) / len(beside), sum(pairs) / len(pairs), (law, dimensions))
                self.assertEqual(any(place[2] != 0 for place in at.values()), dimensions == "3")

    def test_every_format_is_the_same_graph(self):
        layouts = set()
        for name, text in in_every_format(sorted(RING)).items():
            for packed in (False, True):
                data = gzip.compress(text.encode()) if packed else text
                report = self.report(self.file(name, data), "-o", self.path("out.csv"), "--steps", "5")
                self.assertEqual((report["nodes"], report["edges"], report["packed"]), (12, 14, packed), name)
                layouts.add(tuple(row["label"] for row in self.rows("out.csv")))
                if name == "x.txt":
                    forced = self.report(self.file("y.dat", data), "-o", self.path("out.csv"), "--format", "edges")
                    self.assertEqual(forced["format"], "edges")
        self.assertEqual(len({frozenset(each) for each in layouts}), 2)  # MatrixMarket counts from 1

    def test_threads_give_the_same_bytes_and_seeds_others(self):
        edges = [(i, i * 7 % 500) for i in range(1, 500)] + [(i, i // 2) for i in range(1, 500)]
        source = self.file("tree.txt", edge_list(edges))
        settings = ("--steps", "30")
        one = self.report(source, "-o", self.path("one.csv"), "--threads", "1", *settings)
        for other in (("--threads", "3"), ("--frames", "sync"), ("--frames", "every"), ("--pool", "off")):
            again = self.report(source, "-o", self.path("again.csv"), *other, *settings)
            self.assertEqual(again["checksum"], one["checksum"], other)
            self.assertEqual((self.folder / "again.csv").read_bytes(), (self.folder / "one.csv").read_bytes())
        every = self.report(source, "-o", self.path("again.csv"), "--frames", "every", *settings)
        self.assertEqual((every["frames"], every["frames_dropped"]), (every["steps"], 0))
        other = self.report(source, "-o", self.path("seed.csv"), "--seed", "2", *settings)
        self.assertNotEqual(other["checksum"], one["checksum"])

    def test_pictures(self):
        source = self.file("ring.gml", 'graph [ node [ id 1 label "a < b" ] node [ id 2 ] edge [ source 1 target 2 ] ]')
        self.graph(source, "-o", self.path("out.png"), "-o", self.path("out.svg"), "--steps", "5")
        self.assertTrue((self.folder / "out.png").read_bytes().startswith(b"\x89PNG"))
        svg = xml.etree.ElementTree.parse(self.path("out.svg")).getroot()
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual([title.text for title in svg.iter(space + "title")], ["a < b", "2"])
        self.assertEqual(len(list(svg.iter(space + "path"))), 1)

    def test_the_standard_streams(self):
        done = weir("graph", "-", "-o", "-", "--device", "host", "--steps", "5", input=b"a b\nb c\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([node["id"] for node in json.loads(done.stdout)["nodes"]], ["a", "b", "c"])
        self.assertIn(b"3 nodes, 2 edges", done.stderr)

    def test_the_text_tells_of_the_graph_and_of_memory(self):
        text = self.graph(self.file("x.txt", "a b 2\n"), "-o", self.path("out.csv"), "--steps", "1").stdout.decode()
        self.assertIn("2 nodes, 1 edges; 0 self loops and 0 duplicates left out", text)
        self.assertIn("read as edges, with weights", text)
        self.assertRegex(text, r"memory: \d+ requests, [\d.]+ % served by caches and arenas; \d+ driver calls")

    def test_errors_are_one_line_and_leave_nothing(self):
        source = self.file("x.txt", "a b\n")
        table = self.file("x.csv", "a,b\n")
        bad = self.file("bad.txt", "a b\nc\n")
        out = ("-o", self.path("out.csv"))
        before = sorted(each.name for each in self.folder.iterdir())
        for arguments, words, status in (
            ((bad, *out), f"{bad}: line 2: has 1 field, the first is 'c'", 1),
            ((self.path("none"), *out), "no such file", 1),
            ((str(self.folder), *out), "is a folder", 1),
            ((source, *out, "--format", "pdf"), "no format 'pdf'; there are edges, csv, tsv, mtx, gml, graphml, gexf, dot", 1),
            ((source, *out, "--format", "gml"), "line 2: there is no graph [ ... ]", 1),
            ((source, "-o", self.path("out.jpg")), "a layout is written as .json, .csv, .svg or .png, and not as .jpg", 1),
            ((source, "-o", self.path("nowhere/out.csv")), "nowhere", 1),
            ((source, *out, *out), "is an output already", 1),
            ((table, "-o", table), "is the graph itself", 1),
            ((source, *out, "-o", "/dev/full"), "/dev/full", 1),
            ((source, *out, "--theta", "9"), "9", 1),
            ((source, *out, "--limit", "1"), "limit", 1),
            ((source, *out, "--kernels", "x86-64-v9"), "x86-64-v9", 1),
            ((source, *out, "--seed", "-1"), "--seed", 2),
            ((source, *out, "--seconds", "nan"), "--seconds: nan is no number above 0", 2),
            ((source, *out, "--theta", "nan"), "--theta", 2),
            ((source,), "--output", 2),
            ((*out,), "file", 2),
            ((source, *out, "--law", "taste"), "--law", 2),
            ((source, *out, "--dimensions", "4"), "--dimensions", 2),
            ((source, *out, "--steps", "0"), "--steps", 2),
            ((source, *out, "--exact", "--theta", "1"), "--theta", 2),
        ):  # fmt: skip
            with self.subTest(arguments=arguments):
                done = weir("graph", *arguments, "--device", "host")
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(words, done.stderr.decode())
                if status == 1:
                    self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
                self.assertEqual(sorted(each.name for each in self.folder.iterdir()), before)

    def test_options_are_checked_before_the_graph_is_read(self):
        bad = self.file("bad.txt", "a b\nc\n")
        for option, value, words in (
            ("--theta", "5", "opening of the approximation"),
            ("--device", "foo", "foo"),
            ("--kernels", "x", 'no kernels "x"'),
            ("--limit", "12parsecs", "12parsecs"),
        ):
            with self.subTest(option=option):
                done = weir("graph", bad, "-o", self.path("out.csv"), option, value)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(words, done.stderr.decode())
                self.assertNotIn("line 2", done.stderr.decode())

    def test_an_interrupted_run_leaves_a_whole_layout(self):
        edges = [(i, i // 2) for i in range(1, 20_000)]
        source = self.file("tree.txt", edge_list(edges))
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            terminal, stderr = pty.openpty()
            arguments = [TOOL, "graph", source, "-o", self.path("out.json"), "--device", "host", "--exact", "--threads", "1",
                         "--coarsen", "off", "--json"]  # fmt: skip
            with subprocess.Popen(arguments, stderr=stderr, stdout=subprocess.PIPE, preexec_fn=may_be_interrupted) as running:
                os.close(stderr)
                told = os.read(terminal, 100)  # of the first step
                running.send_signal(number)
                output = running.stdout.read()
                self.assertEqual(running.wait(timeout=120), status, told)
            os.close(terminal)
            report = json.loads(output)
            self.assertTrue(report["interrupted"])
            self.assertFalse(report["settled"])
            layout = json.loads((self.folder / "out.json").read_bytes())
            self.assertEqual((len(layout["nodes"]), len(layout["edges"])), (20_000, 19_999))
            self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["out.json", "tree.txt"])

    def test_a_run_that_was_told_to_ignore_ctrl_c_does(self):
        source = self.file("tree.txt", edge_list([(i, i // 2) for i in range(1, 20_000)]))
        terminal, stderr = pty.openpty()
        arguments = [TOOL, "graph", source, "-o", self.path("out.json"), "--device", "host", "--exact", "--coarsen", "off"]  # fmt: skip
        with subprocess.Popen(arguments, stderr=stderr, stdout=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as running:  # fmt: skip
            os.close(stderr)
            os.read(terminal, 100)  # of the first step
            running.send_signal(signal.SIGINT)
            running.send_signal(signal.SIGTERM)
            running.stdout.read()
            self.assertEqual(running.wait(timeout=120), 143, "SIGTERM, as the first one that counted")
        os.close(terminal)

    def test_shared_graphs(self):
        if not SHARED.exists():
            self.skipTest(f"no {SHARED}")
        for name, nodes, edges in (
            ("netscience.mtx", 1589, 2742),
            ("ca-GrQc.txt", 5242, 14484),
            ("fe_4elt2.mtx", 11143, 32818),
        ):
            report = self.report(str(SHARED / name), "-o", self.path("out.png"), "--steps", "3", "--coarsen", "off")
            self.assertEqual((report["nodes"], report["edges"], report["steps"]), (nodes, edges, 3))
            self.assertIsNone(report["driver_calls_after_warm_up"], "no step came after ten")
            self.assertFalse(report["settled"])


if __name__ == "__main__":
    unittest.main()
