#!/usr/bin/env python3
"""Commands that are killed at random moments: what has an output's name is whole, new or old, or is not there.

WEIR_KILLS says how often each command is killed, WEIR_KILL_SEED repeats the moments."""

import csv
import json
import os
import random
import signal
import struct
import subprocess
import time
import unittest
import xml.etree.ElementTree
import zlib

from lidar_test import small_las
from tool import TOOL, ToolCase, weir

KILLS = int(os.environ.get("WEIR_KILLS") or 8)
SEED = int(os.environ.get("WEIR_KILL_SEED") or random.randrange(1 << 32))


# --- what is whole, by a file's contents; each raises or is false for anything else ---


def whole_las(data):
    first, = struct.unpack_from("<I", data, 96)
    length, = struct.unpack_from("<H", data, 105)
    count, = struct.unpack_from("<Q", data, 247)
    # Each point's last feature, `radius`, is above 0 in this cloud.
    radii = (struct.unpack_from("<f", data, first + (i + 1) * length - 4)[0] for i in range(0, count, 97))
    return data[:4] == b"LASF" and count != 0 and len(data) == first + count * length and all(r > 0 for r in radii)


def whole_png(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    at, kind = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        check, = struct.unpack_from(">I", data, at + 8 + length)
        if check != zlib.crc32(data[at + 4 : at + 8 + length]):
            return False
        at += 12 + length
    return kind == b"IEND" and at == len(data)


def whole_svg(data):
    return xml.etree.ElementTree.fromstring(data).tag.endswith("svg")


def whole_json(data):
    return bool(json.loads(data))


def whole_csv(rows):
    def check(data):
        found = list(csv.reader(data.decode().splitlines()))
        return data.endswith(b"\n") and len(found) == rows + 1 and {len(row) for row in found} == {len(found[0])}

    return check


def whole_text(first, last):
    def check(data):
        lines = data.decode().splitlines()
        return data.endswith(b"\n") and lines[0].startswith(first) and lines[-1].startswith(last)

    return check


class Killed(ToolCase):
    def kill(self, arguments, outputs):
        """Runs the command to its end once, then kills it again and again, with and without an earlier output; half of
        the times near the end, where outputs take their names."""
        chance = random.Random(SEED)
        paths = {self.folder / name: check for name, check in outputs.items()}
        started = time.monotonic()
        done = weir(*arguments)
        took = time.monotonic() - started
        self.assertEqual(done.returncode, 0, done.stderr)
        for path, check in paths.items():
            whole = path.read_bytes()
            paths[path] = check or whole.__eq__  # of files that are the same each time
            self.assertTrue(paths[path](whole), path.name)
        killed = 0
        for number in range(KILLS):
            for path in paths:
                path.unlink(missing_ok=True)
                if number % 2:
                    path.write_bytes(b"old")
            with subprocess.Popen([TOOL, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
                try:
                    running.wait(timeout=chance.uniform(0 if number % 4 < 2 else 0.7 * took, 1.1 * took))
                except subprocess.TimeoutExpired:
                    running.send_signal(signal.SIGKILL)
                killed += running.wait() == -signal.SIGKILL
            for path, check in paths.items():
                data = path.read_bytes() if path.exists() else b""
                state = f"{path.name} after kill {number}, WEIR_KILL_SEED={SEED}"
                self.assertTrue(data == (b"old" if number % 2 else b"") or check(data), state)
            for draft in self.folder.glob(".weir-unfinished-*"):
                draft.unlink()  # no name of an output's
        print(f"{' '.join(outputs)}: killed {killed} times in {KILLS} runs of {took:.2f} s", flush=True)
        self.assertNotEqual(killed, 0, "the command ended before each kill")

    def test_point_clouds_and_their_pictures(self):
        points = [(i * 7 % 3001, i * 11 % 5003, i % 9) for i in range(40_000)]
        source = self.file("in.las", small_las(points))
        out, picture = str(self.folder / "out.las"), str(self.folder / "out.png")
        arguments = ["lidar", "--device", "host", source, "-o", out, "--preview", picture, "--features", "minimal"]
        self.kill([*arguments, "--chunk", "5000"], {"out.las": whole_las, "out.png": whole_png})

    def test_graphs(self):
        chance = random.Random(1)
        nodes = 3000
        edges = [(i, (i + 1) % nodes) for i in range(nodes)]
        edges += [(chance.randrange(nodes), chance.randrange(nodes)) for _ in range(nodes)]
        source = self.file("in.txt", "".join(f"{a} {b}\n" for a, b in edges))
        outputs = {"g.json": whole_json, "g.csv": whole_csv(nodes), "g.svg": whole_svg, "g.png": whole_png}
        files = [argument for name in outputs for argument in ("-o", str(self.folder / name))]
        self.kill(["graph", "--device", "host", source, *files, "--steps", "30"], outputs)

    def test_trajectories(self):
        outputs = {"t.csv": whole_csv(20_000), "t.png": whole_png}
        files = ["-o", str(self.folder / "t.csv"), "--picture", str(self.folder / "t.png")]
        self.kill(["trajectory", "--device", "host", "--launches", "20000", "--chunk", "1000", *files], outputs)

    def test_networks_and_their_curves(self):
        outputs = {
            "net.txt": None,
            "net.h": None,
            "c.svg": whole_svg,
        }
        net, header, curves = (str(self.folder / name) for name in outputs)
        train = ["balance", "train", "--device", "host"]
        self.kill([*train, "-o", net, "--header", header, "--curves", curves], outputs)

    def test_checkpoints_are_taken_up_again(self):
        """They are written many times, and one that was killed goes on from the last whole one."""
        chance = random.Random(SEED)
        checkpoint = self.folder / "c.txt"
        train = ["balance", "train", "--device", "host", "--keep-going", "--checkpoint", str(checkpoint)]
        check = whole_text("weir-training 1", "checksum ")
        taken_up = 0
        for number in range(KILLS):
            with subprocess.Popen([TOOL, *train, "--seed", "3"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
                try:
                    running.wait(timeout=chance.uniform(0.05, 0.6))
                except subprocess.TimeoutExpired:
                    running.send_signal(signal.SIGKILL)
                said = running.stderr.read()
                self.assertIn(running.wait(), (0, -signal.SIGKILL), said)
            if checkpoint.exists():
                taken_up += 1
                self.assertTrue(check(checkpoint.read_bytes()), f"after kill {number}, WEIR_KILL_SEED={SEED}")
        done = weir(*train, "--seed", "3", "--episodes", "1000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(check(checkpoint.read_bytes()))
        print(f"checkpoint: whole after {taken_up} of {KILLS} kills", flush=True)


if __name__ == "__main__":
    unittest.main()
