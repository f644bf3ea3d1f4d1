#!/usr/bin/env python3
"""`weir demo` from outside: every demo passes on the host, and can fail."""

import json
import os
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

    def passed(self, *arguments, status=1, **environment):
        done = weir("demo", *arguments, "--json", env=os.environ | environment)
        self.assertEqual(done.returncode, status, done.stderr)
        return {each["demo"]: each["passed"] for each in map(json.loads, done.stdout.decode().splitlines())}

    def test_fails_where_nothing_comes_back(self):
        # The dry device has no memory: contents are lost there, and the demos that look at them say so.
        failed = {name for name, passed in self.passed("--device", "dry").items() if not passed}
        self.assertEqual(failed, {"create", "network", "batch"})

    def test_pooling_fails_without_a_pool(self):
        failed = {name for name, passed in self.passed("--device", "host", WEIR_POOL="off").items() if not passed}
        self.assertEqual(failed, {"pooling"})

    def test_all_pass_on_vulkan(self):
        devices = json.loads(weir("devices", "--json").stdout)
        if not any(each["backend"] == "vulkan" and "device" in each for each in devices):
            self.skipTest("no Vulkan device")
        self.assertEqual(self.passed("--device", "vulkan", status=0), dict.fromkeys(NAMES, True))

    def test_refuses_an_unknown_name(self):
        done = weir("demo", "magic")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are: create, network", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
