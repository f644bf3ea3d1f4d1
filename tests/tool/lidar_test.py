#!/usr/bin/env python3
"""`weir lidar` from outside: the report for scripts, equal output whole and chunked, errors in one line."""

import json
import os
import signal
import struct
import subprocess
import time
import unittest
from pathlib import Path

from tool import TOOL, ToolCase, weir

LAS = Path(os.environ.get("WEIR_SHARED_DATA", "")) / "las"
TILE = LAS / "ign_lidarhd_77055_627755.las"


def small_las(points):
    """LAS 1.2, format 0, at 1 cm."""
    header = bytearray(227)
    header[0:4], header[24], header[25] = b"LASF", 1, 2
    struct.pack_into("<HIIBHI", header, 94, 227, 227, 0, 0, 20, len(points))
    struct.pack_into("<6d", header, 131, 0.01, 0.01, 0.01, 0, 0, 0)
    return bytes(header) + b"".join(struct.pack("<iii8x", *point) for point in points)


class Lidar(ToolCase):
    def test_report_for_scripts(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(3000)]))
        picture = self.folder / "out.png"
        done = weir("lidar", source, "-o", str(self.folder / "out.las"), "--json", "--preview", str(picture))
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["points"], 3000)
        for stage in ("read", "neighbours_features", "write", "total"):
            self.assertEqual(list(report[stage]), ["seconds", "points_per_second"])
        for key in ("memory_high_water", "reuse_rate", "hit_rate", "driver_calls_after_first_chunk"):
            self.assertIn(key, report)
        self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        self.assertEqual((self.folder / "out.las").stat().st_size, 375 + 54 + 16 * 192 + 3000 * (20 + 64))

    def test_a_gpu_writes_the_same_file(self):
        source = self.file("in.las", small_las([(i * i % 3001, i * 13 % 997, i % 61) for i in range(2000)]))
        outputs = {}
        for device in ("host", "vulkan"):
            out = self.folder / f"{device}.las"
            done = weir("lidar", source, "-o", str(out), "--device", device, "--features", "lod3", "--json")
            if b"no device fits" in done.stderr:
                self.skipTest(done.stderr.decode())
            self.assertEqual(done.returncode, 0, done.stderr)
            outputs[device] = out.read_bytes(), json.loads(done.stdout)
        (host, _), (gpu, report) = outputs["host"], outputs["vulkan"]
        self.assertTrue(report["kernel"].startswith("vulkan"))
        self.assertEqual(report["driver_calls_after_first_chunk"], 0)
        first, = struct.unpack_from("<I", host, 96)
        length, = struct.unpack_from("<H", host, 105)
        self.assertEqual(host[:first], gpu[:first])
        self.assertEqual(len(host), first + 2000 * length)
        self.assertEqual(len(host), len(gpu))
        values = f"<{(length - 20) // 4}f"
        apart = 0
        for at in range(first, len(host), length):
            self.assertEqual(host[at : at + 20], gpu[at : at + 20])  # the same points in the same order
            pairs = zip(struct.unpack_from(values, host, at + 20), struct.unpack_from(values, gpu, at + 20))
            apart += sum(abs(one - other) > 1e-5 * max(1, abs(one)) for one, other in pairs)
        # Where normals have no direction, and cube roots of next to nothing, digits differ without 64-bit floats.
        self.assertLessEqual(apart, 0 if "float64" in report["kernel"] else 2000)

    def test_errors_are_one_line_and_leave_nothing(self):
        good = small_las([(0, 0, 0)])
        for content, word in ((b"no las", "file signature"), (good[:240], "number of point records")):
            done = weir("lidar", self.file("bad.las", content), "-o", str(self.folder / "out.las"))
            self.assertEqual(done.returncode, 1)
            self.assertIn(word, done.stderr.decode())
            self.assertEqual(len(done.stderr.splitlines()), 1)
        same = self.file("same.las", good)
        self.assertEqual(weir("lidar", same, "-o", same).returncode, 1)
        done = weir("lidar", same, "-o", str(self.folder / "out.las"), "--features", "planar")
        self.assertIn('no feature "planar"', done.stderr.decode())
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["bad.las", "same.las"])
        self.assertEqual(weir("lidar", same).returncode, 2)

    def test_outputs_that_cannot_be_written_fail_before_the_work(self):
        source = self.file("in.las", small_las([(0, 0, 0)]))
        out = str(self.folder / "out.las")
        kept = self.file("kept.png", b"kept")
        for options, word in (
            (["-o", str(self.folder)], "is a folder"),
            (["-o", str(self.folder / "none" / "out.las")], "no file can be made in the folder"),
            (["-o", out, "--preview", str(self.folder)], "is a folder"),
            (["-o", out, "--preview", str(self.folder / "none" / "out.png")], "no file can be made in the folder"),
            (["-o", out, "--preview", out], "is the output too"),
            (["-o", out, "--preview", source], "is an input too"),
        ):
            done = weir("lidar", source, *options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(word, done.stderr.decode())
            self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["in.las", "kept.png"])
        self.assertEqual(Path(kept).read_bytes(), b"kept")

    def test_links_devices_and_pipes_stay_what_they_are(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(500)]))
        plain, behind, link, pipe = (self.folder / name for name in ("plain.las", "behind.las", "link.las", "pipe"))
        behind.write_bytes(b"old")
        link.symlink_to("behind.las")
        os.mkfifo(pipe)
        for out in (plain, link, Path("/dev/null")):
            self.assertEqual(weir("lidar", source, "-o", str(out)).returncode, 0)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            self.assertEqual(weir("lidar", source, "-o", str(pipe)).returncode, 0)
            self.assertEqual(reader.communicate(timeout=60)[0], plain.read_bytes())
        self.assertTrue(link.is_symlink() and pipe.is_fifo() and Path("/dev/null").is_char_device())
        self.assertEqual(behind.read_bytes(), plain.read_bytes())

    def test_an_interrupted_run_leaves_nothing(self):
        source = self.file("in.las", small_las([(i * 7 % 3001, i * 11 % 5003, i % 9) for i in range(100_000)]))
        (self.folder / "out.las").write_bytes(b"old")
        arguments = [TOOL, "lidar", source, "-o", str(self.folder / "out.las"), "--k", "128", "--features", "full"]
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as running:
                deadline = time.monotonic() + 60
                while len(list(self.folder.iterdir())) == 2 and time.monotonic() < deadline:
                    time.sleep(0.001)
                running.send_signal(signal_number)
                self.assertEqual(running.wait(timeout=60), -signal_number)
            self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["in.las", "out.las"])
            self.assertEqual((self.folder / "out.las").read_bytes(), b"old")

    @unittest.skipUnless(TILE.exists(), f"no {TILE.name}")
    def test_chunks_change_nothing(self):
        outputs = []
        for options in ([], ["--chunk", "5000"], ["--chunk", "9000", "--pool", "off", "--threads", "1"]):
            out = self.folder / f"{len(outputs)}.las"
            done = weir("lidar", str(TILE), "-o", str(out), "--features", "lod2", "--json", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            outputs.append(out.read_bytes())
            report = json.loads(done.stdout)
            if options == ["--chunk", "5000"]:
                self.assertEqual(report["driver_calls_after_first_chunk"], 0)
        self.assertTrue(all(each == outputs[0] for each in outputs))


if __name__ == "__main__":
    unittest.main()
