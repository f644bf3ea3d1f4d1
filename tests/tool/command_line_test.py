#!/usr/bin/env python3
"""The command line: help, devices, the generated job, and options that make no sense."""

import json
import os
import sys
import unittest

from tool import ToolCase, intervals, weir


class CommandCase(ToolCase):
    def misused(self, *arguments, says=()):
        """Status 2, nothing on stdout, and on stderr what is wrong and the usage."""
        done = weir(*arguments)
        text = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (2, b""), (arguments, text))
        self.assertTrue(text.startswith("weir: "), text)
        for word in ("Usage: weir", "--help", *says):
            self.assertIn(word, text)


class CommandLine(CommandCase):
    def test_help_and_version(self):
        for arguments in (["--help"], ["replay", "--help"], ["devices", "-h"]):
            done = weir(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b"Usage: weir", done.stdout)
        version = weir("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, rb"^\d+\.\d+\.\d+\n$")

    def test_help_of_replay_explains_each_option(self):
        text = weir("replay", "--help").stdout.decode()
        for name in ("layers", "width", "heads", "context", "batch", "vocabulary", "steps", "precision", "capacity", "device"):
            self.assertRegex(text, rf"--{name} [A-Z]+.*\n? +[A-Z][a-z]", name)
        for status in ("Exit status: 0", "1 when a file", "2 for an invalid command line"):
            self.assertIn(status, text)

    def test_misused(self):
        self.misused()
        self.misused("nope", says=["nope"])
        self.misused("--nope", says=["--nope"])
        self.misused("replay", "--nope", says=["--nope"])
        self.misused("devices", "--nope", says=["--nope"])
        self.misused("devices", "nope", says=["nope"])

    def test_capacity(self):
        trace = self.file("a.csv", intervals((0, 1, 1)))
        for capacity in ("abc", "", "-5GiB", "24XiB", "GiB", "1e400", "99999999999999999999", "16EiB", "15EiB", "0"):
            self.misused("replay", "--capacity", capacity, trace, trace, says=["--capacity"])
        self.misused("replay", "--device", "host", "--capacity", "0", trace, says=["--capacity"])
        self.misused("replay", "--capacity", says=["--capacity"])

    def test_device(self):
        trace = self.file("a.csv", intervals((0, 1, 1)))
        self.misused("replay", "--device", "nonsense", trace, trace, says=["--device", "nonsense", "host", "dry"])
        self.misused("replay", "--device", "", trace, says=["--device"])

    def test_devices(self):
        listed = json.loads(weir("devices", "--json").stdout)
        self.assertLessEqual({"host", "dry"}, {each["backend"] for each in listed})
        for each in listed:
            if "missing" in each:
                self.assertRegex(each["missing"], r"^[^\n]+$")
            else:
                self.assertIs(type(each["page_bytes"]), int)
        text = weir("devices").stdout.decode().splitlines()
        self.assertEqual(len(text), 1 + len(listed))
        for line, each in zip(text[1:], listed):
            if "missing" not in each:
                self.assertEqual(line.split()[0], each["device"])
                self.assertEqual(each["device"], f"{each['backend']}:{each['index']}")
                self.assertIs(type(each["unified_memory"]), bool)
                for bound in ("default_limit", "max_range", "address_space", "address_space_free"):
                    self.assertIn(type(each[bound]), (int, type(None)))

    def test_a_listed_device_is_what_an_option_takes(self):
        trace = self.file("a.csv", intervals((0, 1, 1)))
        for each in json.loads(weir("devices", "--json").stdout):
            if each["backend"] in ("host", "dry"):
                objects, errors = self.replay("--device", each["device"], trace)
                self.assertEqual((len(objects), errors), (1, []))
        self.misused("replay", "--device", "host:7", trace, says=["--device", "\"7\""])
        self.misused("replay", "--device", "nonsense:0", trace, says=["--device", "no backend \"nonsense\""])

    def test_a_vulkan_driver_file_that_is_malformed_is_named(self):
        bad = self.file("bad_driver.json", "{ no driver")
        names = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES")
        environment = {name: value for name, value in os.environ.items() if name not in names}
        done = weir("devices", "--json", env=environment | {"VK_DRIVER_FILES": bad})
        (vulkan,) = [each for each in json.loads(done.stdout) if each["backend"] == "vulkan"]
        if any(words in vulkan["missing"] for words in ("no Vulkan loader", "this build has no Vulkan")):
            self.skipTest(vulkan["missing"])
        self.assertIn(f"VK_DRIVER_FILES={bad}", vulkan["missing"])


class GeneratedJob(CommandCase):
    def peak(self, *options):
        (each,), errors = self.replay("--layers", "2", "--steps", "2", "--vocabulary", "1000", *options)
        self.assertEqual((each["format"], each["streams"], errors), ("generated", 1, []))
        return each["peak_requested"]

    def test_every_option_counts(self):
        base = self.peak()
        larger = (("--width", "1536"), ("--heads", "24"), ("--context", "1024"), ("--batch", "16"))
        for option in (*larger, ("--layers", "3"), ("--vocabulary", "50000")):
            self.assertGreater(self.peak_of(*option), base, option)
        self.assertLess(self.peak("--precision", "bf16"), base)
        self.assertEqual(self.peak("--precision", "fp32"), base)
        (one,), _ = self.replay("--steps", "1")
        (two,), _ = self.replay("--steps", "2")
        self.assertGreater(two["operations"], one["operations"])

    def peak_of(self, name, value):
        options = {"--layers": "2", "--steps": "2", "--vocabulary": "1000"} | {name: value}
        (each,), _ = self.replay(*(word for pair in options.items() for word in pair))
        return each["peak_requested"]

    def test_alone_and_with_a_capacity(self):
        self.assertEqual(weir("replay").returncode, 0)
        (each,), _ = self.replay("--capacity", "1GiB")
        self.assertFalse(each["fits"])

    def test_larger_than_any_machine(self):
        (each,), errors = self.replay("--batch", "20000", "--layers", "2", "--steps", "1")
        self.assertGreater(each["peak_requested"], 1 << 40)
        self.assertNotIn("fits", each)
        self.assertEqual(errors, [])

    def test_nonsense(self):
        for name in ("layers", "width", "heads", "context", "batch", "vocabulary", "steps"):
            for value in ("0", "-1", "-18446744073709551615", "abc", "1.5", "99999999999999999999", "1e3"):
                self.misused("replay", f"--{name}", value, says=[name])
            self.misused("replay", f"--{name}", says=[f"--{name}"])
        for value in ("fp8", "", "0", "FP-32"):
            self.misused("replay", "--precision", value, says=["--precision", "fp32", "bf16"])
        self.misused("replay", "--heads", "7", says=["heads", "width"])
        self.misused("replay", "--layers", "4096", "--steps", "10000", says=["layers", "steps"])
        self.misused("replay", "--batch", "1000000", "--context", "1000000", says=["batch", "context"])

    def test_belongs_to_no_file(self):
        self.misused("replay", "--batch", "4", self.file("a.csv", intervals((0, 1, 1))), says=["--batch", "FILE"])


if __name__ == "__main__":
    sys.exit(unittest.main())
