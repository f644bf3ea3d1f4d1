#!/usr/bin/env python3
"""What `./dev gpu` leaves behind, however it ends, with a build tool that does nothing: three files, each whole."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "gpu"
FILES = ["results.tar.gz", "summary.txt", "table.txt"]


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        shutil.copytree(SCRIPTS, root / "scripts" / "gpu")
        self.out = root / "out"
        self.root = root
        self.tool("nvcc", "echo a compiler")
        self.tool("g++", "echo another")

    def tearDown(self):
        self.folder.cleanup()

    def tool(self, name, body):
        path = self.root / "tools" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def start(self):
        environment = dict(os.environ, PATH=f"{self.root / 'tools'}:{os.environ['PATH']}")
        return subprocess.Popen(
            [self.root / "scripts" / "gpu" / "run", "--out", self.out],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_for(self, file, words):
        for _ in range(1200):
            if file.is_file() and words in file.read_text():
                return
            time.sleep(0.05)
        self.fail(f"{file.name} never said: {words}")

    def look(self):
        """The summary's lines and the archive's names."""
        self.assertEqual(sorted(each.name for each in self.out.iterdir()), FILES)
        with tarfile.open(self.out / "results.tar.gz") as archive:
            names = [Path(each).name for each in archive.getnames()]
        for kept in ("machine.txt", "summary.txt", "table.txt"):
            self.assertIn(kept, names)
        self.assertTrue((self.out / "table.txt").read_text().splitlines()[-1].startswith("bars: "))
        return (self.out / "summary.txt").read_text().splitlines(), names

    def test_every_step_fails_and_all_are_told(self):
        self.tool("cmake", 'test "$1" = --version || { echo planted fault; exit 5; }')
        run = self.start()
        run.communicate()
        lines, names = self.look()
        self.assertEqual(run.returncode, 1)
        self.assertRegex(lines[-1], r"^1 steps passed, \d+ failed \(configure .* cupy\); bars: 0 met, 0 missed, \d+ not")
        configure = [line for line in lines if line.startswith("configure")]
        self.assertRegex(configure[0], r"FAILED \(5\).*planted fault")
        self.assertIn("contract.txt", names)
        self.assertRegex([line for line in lines if line.startswith("pairs")][0], "weir_gpu_pairs was not built")

    def test_stopped_in_a_step(self):
        self.tool("cmake", 'test "$1" = --version || { echo half of it; exec sleep 600; }')
        run = self.start()
        self.wait_for(self.root / "build" / "gpu-results" / "configure.txt", "half of it")
        started = time.monotonic()
        run.send_signal(signal.SIGTERM)
        run.communicate()
        self.assertLess(time.monotonic() - started, 300, "it waited for the step")
        lines, names = self.look()
        self.assertEqual(run.returncode, 143)
        self.assertRegex(lines[-1], r"^stopped from outside after \d+ s; 1 steps passed, 1 failed \(the rest\); bars: ")
        self.assertIn("configure.txt", names)

    def test_killed_in_a_step(self):
        self.tool("cmake", 'test "$1" = --version || exec sleep 600')
        run = self.start()
        self.wait_for(self.out / "summary.txt", "running: configure")
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        lines, _ = self.look()
        self.assertRegex(lines[-1], "^running: configure; 1 steps passed, 0 failed; bars: ")
        self.assertRegex(lines[0], "^machine +passed")


class Table(unittest.TestCase):
    def table(self, *figures):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "figures.txt"
            path.write_text("a line of chatter\n" + "".join(f"{name}\t{value}\t1\t2\tns\n" for name, value in figures))
            done = subprocess.run([sys.executable, SCRIPTS / "table", path], capture_output=True, check=False)
        return done.returncode, done.stdout.decode().splitlines()

    def test_a_missed_bar_is_named_and_one_that_is_met_is_not(self):
        status, lines = self.table(
            ("pair/weir/2048KiB", 10), ("pair/torch/2048KiB", 20), ("pair/cudaMallocAsync/2048KiB", 1000)
        )
        self.assertEqual(status, 1)
        self.assertRegex(lines[-1], r"^bars: 1 met, 1 missed \(2 MiB pair: PyTorch / weir\), \d+ not measured$")
        self.assertTrue(any(re.search("PyTorch / weir .*MISSED", line) for line in lines))


if __name__ == "__main__":
    unittest.main()
