#!/usr/bin/env python3
"""`weir lidar` on a device that becomes slow on the way (WEIR_INJECT): noticed, acted on, told, and equal in its output."""

import json
import os
import unittest

from lidar_test import small_las
from tool import ToolCase, weir

CHUNKS, POINTS = 100, 2500


class Slow(ToolCase):
    def run_lidar(self, name, inject=None):
        out = self.folder / name
        environment = {key: value for key, value in os.environ.items() if key != "WEIR_INJECT"}
        if inject:
            environment["WEIR_INJECT"] = inject
        done = weir(
            "lidar", "--device", "host", "--threads", "1", self.source, "-o", str(out), "--chunk", str(POINTS), "--k", "8", "--features", "geometry",
            "--json", env=environment,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr.decode(), out.read_bytes()

    def setUp(self):
        super().setUp()
        points = [(i * 7919 % 30011, i * 104729 % 50021, i % 97) for i in range(CHUNKS * POINTS)]
        self.source = self.file("in.las", small_las(points))

    def test_is_noticed_and_acted_on(self):
        plain, said, expected = self.run_lidar("plain.las")
        self.assertEqual(plain["scales"][0]["pace"], {"changes": [], "attempts": []})
        self.assertNotIn("slower", said)
        noticed = 0
        # Which stream is struck depends on the call: kernels; uploads, which are short here; downloads, which are not
        # watched.
        for call in range(800, 824, 3):
            found, said, data = self.run_lidar("slow.las", f"slow@{call}:5")
            self.assertEqual(data, expected, f"slow@{call}:5 changed the output")
            pace = found["scales"][0]["pace"]
            if not pace["changes"]:
                continue
            change = pace["changes"][0]
            noticed += change["chunk"] - change["since_chunk"] < 20
            self.assertTrue(change["slower"])
            self.assertGreater(change["factor"], 1.7)
            self.assertEqual(pace["attempts"][0]["action"], "smaller chunks")
            self.assertGreater(found["chunks"], plain["chunks"])
            self.assertIn("slower than its own history", said)
            self.assertIn("next: smaller chunks", said)
        self.assertNotEqual(noticed, 0, "no call was one of the kernels' stream")


if __name__ == "__main__":
    unittest.main()
