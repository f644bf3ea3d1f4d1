#!/usr/bin/env python3
"""`weir trajectory` from outside: the table, the picture, the report for scripts, errors in one line."""

import csv
import io
import json
import math
import signal
import subprocess
import time
import unittest

from tool import TOOL, ToolCase, may_be_interrupted, weir

COLUMNS = [
    "launch", "speed_m_s", "angle_deg", "spin_rpm", "axis_deg", "wind_m_s", "wind_direction_deg", "carry_m", "apex_m",
    "flight_time_s", "landing_speed_m_s", "side_drift_m", "steps", "ending",
]  # fmt: skip
KEYS = [
    "launches", "seed", "steps", "seconds", "steps_per_second", "out_of_time", "carry", "apex", "flight_time",
    "tolerance", "chunks", "chunk_launches", "retries", "device", "kernels", "real_bits", "tensors", "tensors_reused",
    "requests", "hit_rate", "driver_calls",
    "driver_calls_after_second_chunk", "recoveries", "lost_bytes", "spilled_bytes", "memory_high_water", "pinned_high_water",
]  # fmt: skip


def rows(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


class Trajectory(ToolCase):
    def trajectory(self, *arguments, status=0):
        done = weir("trajectory", "--device", "host", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def path(self, name):
        return str(self.folder / name)

    def test_table_and_report(self):
        done = self.trajectory("-o", self.path("out.csv"), "--launches", "500", "--chunk", "50", "--json")
        table = (self.folder / "out.csv").read_bytes()
        self.assertEqual(table.split(b"\n")[0].decode().split(","), COLUMNS)
        self.assertEqual([row["launch"] for row in rows(table)], [str(i) for i in range(500)])
        report = json.loads(done.stdout)
        self.assertEqual(list(report), KEYS)
        self.assertEqual((report["launches"], report["chunks"], report["chunk_launches"]), (500, 10, 50))
        self.assertEqual(report["steps"], sum(int(row["steps"]) for row in rows(table)))
        self.assertEqual(report["driver_calls_after_second_chunk"], 0)
        self.assertGreaterEqual(report["requests"], 20)
        self.assertAlmostEqual(report["carry"]["greatest"], max(float(row["carry_m"]) for row in rows(table)), 4)
        for row in rows(table):
            self.assertTrue(40 <= float(row["speed_m_s"]) <= 80)
            self.assertEqual(row["ending"], "ground")

    def test_the_text_tells_of_memory(self):
        text = self.trajectory("-o", self.path("out.csv"), "--launches", "300", "--chunk", "20").stdout.decode()
        self.assertIn("300 launches", text)
        self.assertRegex(text, r"memory: \d+ requests, [\d.]+ % served by caches and arenas, \d+ tensors of which \d+ lay where others had; \d+ driver calls, 0 of them after")

    def test_chunks_threads_and_kernels_write_the_same_table(self):
        self.trajectory("-o", self.path("one.csv"), "--launches", "300", "--threads", "1", "--kernels", "x86-64")
        self.trajectory("-o", self.path("many.csv"), "--launches", "300", "--threads", "3", "--chunk", "37")
        self.assertEqual((self.folder / "one.csv").read_bytes(), (self.folder / "many.csv").read_bytes())
        self.trajectory("-o", self.path("seed.csv"), "--launches", "300", "--seed", "2")
        self.assertNotEqual((self.folder / "one.csv").read_bytes(), (self.folder / "seed.csv").read_bytes())

    def test_without_air_it_is_the_parabola(self):
        done = self.trajectory("-o", "-", "--launches", "3", "--speed", "50", "--angle", "30", "--drag", "off", "--lift", "off")
        carry = 50**2 * math.sin(math.radians(60)) / 9.80665
        for row in rows(done.stdout):
            self.assertAlmostEqual(float(row["carry_m"]), carry, 4)
            self.assertAlmostEqual(float(row["apex_m"]), (50 * 0.5) ** 2 / 2 / 9.80665, 4)
        self.assertIn(b"3 launches", done.stderr)  # the standard output is for the table

    def test_picture(self):
        self.trajectory("-o", self.path("out.csv"), "--launches", "50", "--picture", self.path("out.png"), "--colour", "wind")
        self.assertTrue((self.folder / "out.png").read_bytes().startswith(b"\x89PNG"))

    def test_errors_are_one_line_and_leave_nothing(self):
        out = ("-o", self.path("out.csv"))
        for arguments, words, status in (
            (("--launches", "0"), "--launches is 0, and has to be a whole number from 1 to 10000000", 1),
            (("--launches", "10000001"), "--launches is 10000001, and has to be", 1),
            (("--launches", "-5"), "--launches is -5", 1),
            (("--launches", "many"), "--launches is many", 1),
            (("--speed", "nan"), "the speed is nan m/s, and has to be from 0 to 120 m/s", 1),
            (("--speed", "-3"), "the speed is -3 m/s", 1),
            (("--speed", "fast"), "fast is not a number", 1),
            (("--spin", "0:20000"), "the spin is 20000 rpm, and has to be from 0 to 12000 rpm", 1),
            (("--angle", "20:10"), "the angle goes from 20 to 10, which is less", 1),
            (("--tolerance", "0"), "the tolerance of a step is 0, and has to be from 1e-12 to 0.01", 1),
            (("--kernels", "x86-64-v9"), 'no kernels "x86-64-v9"', 1),
            (("--device", "dry"), "no kernels for trajectories", 1),
            (("--picture", self.path("out.png"), "--colour", "taste"), "coloured by spin, speed, angle, wind", 1),
            (("--picture", self.path("nowhere/out.png")), "nowhere", 1),
            (("--drag", "maybe"), "--drag", 2),
            (("--picture", self.path("out.jpg")), "name it .png", 2),
        ):  # fmt: skip
            with self.subTest(arguments=arguments):
                device = () if "--device" in arguments else ("--device", "host")
                done = weir("trajectory", *out, *device, *arguments)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(words, done.stderr.decode())
                if status == 1:
                    self.assertEqual(done.stderr.count(b"\n"), 1)
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_interrupted_run_leaves_the_old_file(self):
        (self.folder / "out.csv").write_bytes(b"old")
        arguments = [TOOL, "trajectory", "-o", self.path("out.csv"), "--device", "host", "--launches", "10000000"]
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=may_be_interrupted) as running:
                deadline = time.monotonic() + 60
                while len(list(self.folder.iterdir())) == 1 and time.monotonic() < deadline:
                    time.sleep(0.001)
                running.send_signal(number)
                self.assertEqual(running.wait(timeout=60), -number)
            self.assertEqual([each.name for each in self.folder.iterdir()], ["out.csv"])
            self.assertEqual((self.folder / "out.csv").read_bytes(), b"old")


if __name__ == "__main__":
    unittest.main()
