#!/usr/bin/env python3
"""`weir demo` from outside: every demo passes on the host, and can fail."""

import json
import unittest

from tool import ToolCase, weir

NAMES = ["create", "network", "pooling", "batch", "limit", "monitoring"]


class Demo(ToolCase):
    def test_all_pass_on_the_host(self):
        done = weir("demo", "--device", "host", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        objects = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual([each["demo"] for each in objects], NAMES)
        for each in objects:
            self.assertTrue(each["passed"], each)
            self.assertRegex(each["figure"], r"[0-9]")

    def test_each_runs_alone_and_says_what_it_shows(self):
        for name in NAMES:
            with self.subTest(name):
                done = weir("demo", name, "--device", "host")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(done.stdout.decode().count("PASS"), 1)

    def test_fails_where_nothing_comes_back(self):
        # The dry device has no memory: contents are lost there, and the demos that look at them say so.
        done = weir("demo", "--device", "dry", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        passed = {each["demo"]: each["passed"] for each in map(json.loads, done.stdout.decode().splitlines())}
        self.assertFalse(passed["create"])
        self.assertTrue(passed["monitoring"])

    def test_refuses_an_unknown_name(self):
        done = weir("demo", "magic")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are: create, network", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
