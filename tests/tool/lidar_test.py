#!/usr/bin/env python3
"""`weir lidar` from outside: the report for scripts, equal output whole and chunked, errors in one line."""

import json
import math
import os
import re
import select
import signal
import struct
import subprocess
import time
import unittest
from pathlib import Path

from tool import TOOL, ToolCase, may_be_interrupted, weir

LAS = Path(os.environ.get("WEIR_SHARED_DATA", "")) / "las"
TILE = LAS / "ign_lidarhd_77055_627755.las"


def small_las(points):
    """LAS 1.2, format 0, at 1 cm."""
    header = bytearray(227)
    header[0:4], header[24], header[25] = b"LASF", 1, 2
    struct.pack_into("<HIIBHI", header, 94, 227, 227, 0, 0, 20, len(points))
    struct.pack_into("<6d", header, 131, 0.01, 0.01, 0.01, 0, 0, 0)
    return bytes(header) + b"".join(struct.pack("<iii8x", *point) for point in points)


def scaled_las(points, scales, offsets=(0, 0, 0)):
    las = bytearray(small_las(points))
    struct.pack_into("<6d", las, 131, *scales, *offsets)
    return bytes(las)


def coloured_las(points, colour):
    """LAS 1.2, format 2."""
    las = bytearray(small_las([]))
    struct.pack_into("<BHI", las, 104, 2, 26, len(points))
    return bytes(las) + b"".join(struct.pack("<iii8xHHH", *point, *colour) for point in points)


def with_wkt(las, text):
    """The same with a coordinate system."""
    data = text if isinstance(text, bytes) else text.encode()
    record = struct.pack("<H16sHH32s", 0, b"LASF_Projection", 2112, len(data), b"") + data
    las = bytearray(las[:227] + record + las[227:])
    struct.pack_into("<II", las, 96, 227 + len(record), 1)
    struct.pack_into("<H", las, 6, 1 << 4)
    return bytes(las)


FEET = 'PROJCS["Oregon",GEOGCS["NAD83",UNIT["degree",0.017]],UNIT["foot",0.3048]]'
DEGREES = 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.25]],UNIT["degree",0.0174532925199433]]'


def dimensions(las):
    """The names of the extra dimensions that a LAS file describes."""
    place, = struct.unpack_from("<H", las, 94)
    names = []
    for _ in range(struct.unpack_from("<I", las, 100)[0]):
        length, = struct.unpack_from("<H", las, place + 20)
        if las[place + 2 : place + 18].rstrip(b"\0") == b"LASF_Spec" and las[place + 18] == 4:
            data = las[place + 54 : place + 54 + length]
            names += [data[i + 4 : i + 36].rstrip(b"\0").decode() for i in range(0, length, 192)]
        place += 54 + length
    return names


class Lidar(ToolCase):
    def lidar(self, *arguments, status=0):
        done = weir("lidar", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

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
        link, same = str(self.folder / "link.png"), str(self.folder / "same.png")
        os.symlink("out.las", link)
        os.link(source, same)
        for options, word in (
            (["-o", str(self.folder)], "is a folder"),
            (["-o", str(self.folder / "none" / "out.las")], "cannot create a file in the folder"),
            (["-o", out, "--preview", str(self.folder)], "is a folder"),
            (["-o", out, "--preview", str(self.folder / "none" / "out.png")], "cannot create a file in the folder"),
            (["-o", out, "--preview", link], "is also the output"),
            (["-o", out, "--preview", same], "is also an input"),
        ):
            done = weir("lidar", source, *options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(word, done.stderr.decode())
            self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["in.las", "kept.png", "link.png", "same.png"])
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
            with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=may_be_interrupted) as running:
                deadline = time.monotonic() + 60
                while len(list(self.folder.iterdir())) == 2 and time.monotonic() < deadline:
                    time.sleep(0.001)
                running.send_signal(signal_number)
                self.assertEqual(running.wait(timeout=60), -signal_number)
            self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["in.las", "out.las"])
            self.assertEqual((self.folder / "out.las").read_bytes(), b"old")

    def test_other_kinds_of_files_are_no_las(self):
        source = self.file("in.las", small_las([(0, 0, 0)]))
        for name, word in (("out.laz", "laszip -i"), ("out.csv", "always LAS"), ("out.LAS.zip", "always LAS")):
            done = self.lidar(source, "-o", str(self.folder / name), status=2)
            self.assertIn(word, done.stderr.decode())
        done = self.lidar(source, "-o", str(self.folder / "out.las"), "--preview", "picture.jpg", status=2)
        self.assertIn("always PNG", done.stderr.decode())
        self.lidar(source, "-o", str(self.folder / "OUT.LAS"))
        self.lidar(source, "-o", str(self.folder / "plain"))
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()), ["OUT.LAS", "in.las", "plain"])

    def test_the_standard_output_is_for_the_points(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(500)]))
        self.lidar(source, "-o", str(self.folder / "out.las"))
        piped = weir("lidar", source, "-o", "-")
        self.assertEqual(piped.stdout, (self.folder / "out.las").read_bytes())
        self.assertIn("500 points", piped.stderr.decode())

    def test_terminals_get_no_files(self):
        source, out = self.file("in.las", small_las([(0, 0, 0)])), str(self.folder / "out.las")
        for options in (["-o", "-"], ["-o", "/dev/stdout"], ["-o", out, "--preview", "/dev/stdout"]):
            terminal, program = os.openpty()
            done = weir("lidar", source, *options, stdout=program)
            os.close(program)
            os.close(terminal)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn("is a terminal", done.stderr.decode())
        self.assertFalse(Path(out).exists())

    def test_a_preview_that_cannot_be_written_leaves_the_output_as_it_was(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(500)]))
        out = self.file("out.las", b"old")
        refused = self.lidar(source, "-o", out, "--preview", "/dev/full", status=1)
        self.assertIn("/dev/full", refused.stderr.decode())
        self.assertEqual(Path(out).read_bytes(), b"old")

    def test_all_sizes_are_checked_before_the_first_is_computed(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(500)]))
        one, two = str(self.folder / "one.las"), str(self.folder / "two.las")
        self.lidar(source, "-o", one, "--features", "planarity", "--suffix", "_r2")
        # What the output cannot have comes up where it is made, before the first size.
        refused = self.lidar(one, "-o", two, "--features", "planarity", "--radius", "2,1e300", status=1)
        self.assertIn("a radius of 1e+300 is", refused.stderr.decode())

    def test_scales_and_names(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(500)]))
        one, two, three = (str(self.folder / name) for name in ("one.las", "two.las", "three.las"))
        features = ["--features", "planarity, is_ground,"]
        self.lidar(source, "-o", one, "--k", "10,20,10", *features)
        self.assertEqual(dimensions(Path(one).read_bytes()), ["planarity_k10", "is_ground", "planarity_k20"])
        self.lidar(source, "-o", one, *features)
        self.assertEqual(dimensions(Path(one).read_bytes()), ["planarity", "is_ground"])
        refused = self.lidar(one, "-o", two, *features, status=1).stderr.decode()
        self.assertIn("--overwrite", refused)
        self.assertIn("--suffix", refused)
        self.lidar(one, "-o", two, "--k", "40", "--features", "planarity", "--suffix", "_k40", "--prefix", "w_")
        self.assertEqual(dimensions(Path(two).read_bytes()), ["planarity", "is_ground", "w_planarity_k40"])
        over = self.lidar(one, "-o", three, "--overwrite", *features)
        self.assertEqual(Path(three).read_bytes(), Path(one).read_bytes())
        self.assertIn('"planarity" is replaced', over.stdout.decode())
        self.lidar(source, "-o", two, "--radius", "0.5,2", "--features", "planarity")
        self.assertEqual(dimensions(Path(two).read_bytes()), ["planarity_r0_5", "planarity_r2"])
        self.assertIn("letters, digits", self.lidar(one, "-o", two, "--suffix", "a b", status=2).stderr.decode())

    def test_flaws_are_told_and_refused_when_strict(self):
        flawed = bytearray(small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(50)]))
        struct.pack_into("<I", flawed, 100, 1)
        source, out = self.file("in.las", bytes(flawed)), str(self.folder / "out.las")
        self.assertIn("number of variable length records", self.lidar(source, "-o", out).stdout.decode())
        notes = json.loads(self.lidar(source, "-o", out, "--json").stdout)["notes"]
        self.assertEqual(len(notes), 1)
        strict = self.lidar(source, "-o", out, "--strict", status=1)
        self.assertIn("number of variable length records", strict.stderr.decode())

    def test_the_report_speaks_of_the_cloud(self):
        source, out = self.file("in.las", small_las([(i % 30 * 100, i // 30 * 100, 0) for i in range(900)])), "out.las"
        out = str(self.folder / out)
        text = self.lidar(source, "-o", out, "--features", "normal_z,ndvi").stdout.decode()
        for words in ("900 points of 1 file", "29.00 x 29.00 x 0.00", "20 neighbours", "normal_z", "all points"):
            self.assertIn(words, text)
        for words in ("scope", "hits", "fragmentation", "memory"):
            self.assertNotIn(words, text)
        self.assertIn("memory high-water", self.lidar(source, "-o", out, "--verbose").stdout.decode())
        report = json.loads(self.lidar(source, "-o", out, "--k", "5", "--features", "normal_z,ndvi", "--json").stdout)
        self.assertEqual(report["scales"][0]["k"], 5)
        self.assertEqual(report["scales"][0]["farthest_neighbour"]["p50"], 1.0)
        normal, vegetation = report["features"]
        self.assertEqual(normal, {"name": "normal_z", "least": 1.0, "mean": 1.0, "greatest": 1.0, "nans": 0})
        self.assertEqual(vegetation, {"name": "ndvi", "least": None, "mean": None, "greatest": None, "nans": 900})

    def test_points_with_few_neighbours_have_no_shape(self):
        # 100 points a metre apart, and alone, in pairs and in threes farther off.
        points = [(i % 10 * 100, i // 10 * 100, i % 3) for i in range(100)]
        points += [(10_000, 0, 0), (20_000, 0, 0), (20_050, 0, 0), (30_000, 0, 0), (30_050, 0, 0), (30_000, 50, 0)]
        source, out, picture = self.file("in.las", small_las(points)), self.folder / "out.las", self.folder / "out.png"
        features = ["--features", "normal_z,planarity,facade_score,neighbours,density,radius", "--device", "host"]
        arguments = [source, "-o", str(out), *features]
        report = json.loads(self.lidar(*arguments, "--radius", "1.5", "--json", "--preview", str(picture)).stdout)
        by_name = {each["name"]: each for each in report["features"]}
        for name in ("normal_z", "planarity", "facade_score"):
            self.assertEqual(by_name[name]["nans"], 3, name)
            self.assertTrue(0 <= by_name[name]["least"] <= by_name[name]["greatest"] <= 1, name)
        self.assertEqual(by_name["neighbours"]["least"], 1)
        self.assertEqual(by_name["neighbours"]["greatest"], 9)
        self.assertEqual(by_name["neighbours"]["nans"], 0)
        self.assertAlmostEqual(by_name["density"]["least"], 1 / (4 / 3 * math.pi * 1.5**3), places=6)
        self.assertAlmostEqual(by_name["density"]["greatest"], 9 / (4 / 3 * math.pi * 1.5**3), places=6)
        self.assertEqual(report["coincident"], 0)
        self.assertEqual(report["scales"][0]["few_neighbours"], 3)
        self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        text = self.lidar(*arguments, "--radius", "1.5").stdout.decode()
        self.assertIn("3 points have fewer than 3 neighbours", text)
        self.assertRegex(text, r"planarity .* 3 points\n")
        written = out.read_bytes()
        first, = struct.unpack_from("<I", written, 96)
        values = [struct.unpack_from("<6f", written, first + 44 * i + 20) for i in range(len(points))]
        self.assertEqual([value[3] for value in values[100:]], [1, 2, 2, 3, 3, 3])
        for value in values:
            self.assertEqual([math.isnan(each) for each in value], 3 * [value[3] < 3] + 3 * [False])
        # Again, over itself: the same.
        again = self.folder / "again.las"
        self.lidar(str(out), "-o", str(again), *features, "--radius", "1.5", "--overwrite")
        self.assertEqual(again.read_bytes(), written)
        # All alone: a picture without points, and no value.
        text = self.lidar(*arguments, "--radius", "0.1", "--preview", str(picture)).stdout.decode()
        self.assertRegex(text, r"planarity .* all points\n")
        self.assertIn("106 points have fewer than 3 neighbours", text)
        self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"))
        # Several sizes have counts of their own; features without shapes say nothing of them.
        text = self.lidar(source, "-o", str(out), "--k", "2,10", "--features", "neighbours,planarity").stdout.decode()
        self.assertEqual(dimensions(out.read_bytes()), [name + k for k in ("_k2", "_k10") for name in ("neighbours", "planarity")])
        self.assertEqual(text.count("fewer than 3 neighbours"), 1)
        text = self.lidar(source, "-o", str(out), "--k", "2", "--features", "density").stdout.decode()
        self.assertNotIn("fewer than", text)

    def test_reaches_for_ground_are_metres(self):
        # The lowest point is 10 units away: within 15 m that are 49 feet, beyond 2 m that are 6.6.
        points = small_las([(0, 0, 500), (1000, 0, 0)] + [(i, 0, 500) for i in range(1, 20)])
        out = str(self.folder / "out.las")
        greatest = {}
        for name, las in (("feet", with_wkt(points, FEET)), ("plain", points)):
            source = self.file(name + ".las", las)
            for radius in ("2", "9.5", "15"):
                done = self.lidar(source, "-o", out, "--features", "height_above_ground", "--height-radius", radius, "--json")
                report = json.loads(done.stdout)
                greatest[name, radius] = report["features"][0]["greatest"]
            self.assertEqual(report["coordinate_system"]["unit"], "foot" if name == "feet" else "unknown")
        self.assertEqual(greatest["feet", "2"], 0)
        self.assertEqual(greatest["feet", "9.5"], 5)
        self.assertEqual(greatest["plain", "9.5"], 0)  # unknown units are taken for metres, and this is said
        self.assertEqual(greatest["plain", "15"], 5)
        self.assertIn("unknown, treated as metres", self.lidar(source, "-o", out).stdout.decode())
        self.lidar(source, "-o", out, "--height-count", "17", status=2)

    def test_degrees_have_no_lengths(self):
        source = self.file("in.las", with_wkt(small_las([(i * 7 % 300, i * 11 % 500, i) for i in range(99)]), DEGREES))
        out = str(self.folder / "out.las")
        refused = self.lidar(source, "-o", out, "--features", "planarity,density", status=1).stderr.decode()
        self.assertIn("density", refused)
        self.assertNotIn("planarity", refused)
        self.assertIn("reprojection", refused)
        done = self.lidar(source, "-o", out, "--features", "planarity")
        self.assertIn("coordinates are in degrees: one degree of longitude", done.stdout.decode())

    def test_files_in_other_units_are_no_cloud(self):
        points = small_las([(i * 7 % 300, i * 11 % 500, i) for i in range(99)])
        feet, degrees = self.file("feet.las", with_wkt(points, FEET)), self.file("degrees.las", with_wkt(points, DEGREES))
        refused = self.lidar(feet, degrees, "-o", str(self.folder / "out.las"), "--features", "planarity", status=1)
        for words in (feet, degrees, "coordinate system", "reprojection"):
            self.assertIn(words, refused.stderr.decode())

    def test_coordinate_systems_that_contradict_each_other(self):
        las = with_wkt(with_wkt(small_las([(i * 7 % 300, i * 11 % 500, i) for i in range(99)]), DEGREES), FEET)
        las = bytearray(las)
        struct.pack_into("<II", las, 96, len(las) - 99 * 20, 2)
        source, out = self.file("in.las", bytes(las)), str(self.folder / "out.las")
        notes = json.loads(self.lidar(source, "-o", out, "--json").stdout)["notes"]
        self.assertEqual(len(notes), 1)
        self.assertIn("LASF_Projection 2112", notes[0])
        self.assertIn("LASF_Projection 2112", self.lidar(source, "-o", out, "--strict", status=1).stderr.decode())

    def test_names_in_files_are_any_bytes(self):
        points, out = small_las([(i * 7 % 300, i * 11 % 500, i) for i in range(99)]), str(self.folder / "out.las")
        source = self.file("in.las", with_wkt(points, b'PROJCS["Gau\xdf\x1b[31m",UNIT["metre\x07",1]]'))
        report = json.loads(self.lidar(source, "-o", out, "--json").stdout)
        self.assertEqual(report["coordinate_system"]["name"], "Gau\ufffd\x1b[31m")
        text = self.lidar(source, "-o", out).stdout
        self.assertIn(b"Gau??[31m\n", text)
        self.assertNotIn(b"\x07", text)

    def test_colours_of_8_bits_are_scaled(self):
        points = [(i * 7 % 300, i * 11 % 500, i % 9) for i in range(99)]
        out = str(self.folder / "out.las")
        for colour, mean in ((255, 1), (51, 0.2), (256, 256 / 65535), (65535, 1)):
            source = self.file("in.las", coloured_las(points, (colour, 0, 0)))
            report = json.loads(self.lidar(source, "-o", out, "--features", "mean_red", "--json").stdout)
            self.assertAlmostEqual(report["features"][0]["mean"], mean, places=5)
            self.assertEqual(len(report["notes"]), colour < 256)
            self.assertEqual(Path(out).read_bytes()[375 + 54 + 192 + 20 :][:2], struct.pack("<H", colour))
        # Each file has its own depth, which is told where colours are asked for.
        files = [self.file("8.las", coloured_las(points, (51, 0, 0)))]
        files += [self.file("16.las", coloured_las([(100_000 + x, y, z) for x, y, z in points], (13107, 0, 0)))]
        report = json.loads(self.lidar(*files, "-o", out, "--features", "mean_red", "--json").stdout)
        for key in ("least", "mean", "greatest"):
            self.assertAlmostEqual(report["features"][0][key], 0.2, places=5)
        self.assertEqual(len(report["notes"]), 1)
        self.assertIn("8.las: in this file, but not in all", report["notes"][0])
        report = json.loads(self.lidar(*files, "-o", out, "--features", "planarity", "--json").stdout)
        self.assertEqual(report["notes"], [])

    def test_a_file_given_twice_is_noticed(self):
        source = self.file("in.las", small_las([(0, 0, 0)]))
        link = str(self.folder / "link.las")
        os.symlink(source, link)
        for again in (source, link):
            refused = self.lidar(source, again, "-o", str(self.folder / "out.las"), status=1)
            self.assertIn("given twice", refused.stderr.decode())

    def test_a_limit_that_is_too_little_names_one_that_would_do(self):
        source = self.file("in.las", small_las([(i * 7 % 3001, i * 11 % 5003, i % 9) for i in range(50_000)]))
        arguments = [source, "-o", str(self.folder / "out.las"), "--chunk", "40000", "--device", "host", "--limit"]
        refused = self.lidar(*arguments, "1MiB", status=1).stderr.decode()
        least = re.search(r"; (\d+)\.00 MiB are enough", refused)
        self.assertIsNotNone(least, refused)
        self.lidar(*arguments, least[1] + "MiB")
        self.lidar(*arguments, f"{int(least[1]) - 1}MiB", status=1)

    def test_progress_says_how_long_the_rest_takes(self):
        source = self.file("in.las", small_las([(i * 7 % 3001, i * 11 % 5003, i % 9) for i in range(100_000)]))
        terminal, program = os.openpty()
        arguments = [TOOL, "lidar", source, "-o", str(self.folder / "out.las"), "--k", "128", "--features", "full"]
        arguments += ["--chunk", "1000", "--threads", "1", "--device", "host", "--kernel", "x86-64"]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=program) as running:
            os.close(program)
            shown = os.read(terminal, 65536)
            running.send_signal(signal.SIGSTOP)  # however fast the machine is, a second has passed
            time.sleep(1.2)
            running.send_signal(signal.SIGCONT)
            while running.poll() is None or select.select([terminal], [], [], 0)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:  # the other end is closed
                    break
        os.close(terminal)
        self.assertIn(b" % ", shown)
        self.assertRegex(shown, rb"\d+ s left")

    def test_inputs_may_stand_behind_any_option(self):
        source = self.file("in.las", small_las([(i * 7 % 300, i * 11 % 500, i % 9) for i in range(200)]))
        other = self.file("other.las", small_las([(1000 + i * 7 % 300, i * 11 % 500, i % 9) for i in range(200)]))
        out = str(self.folder / "out.las")
        features = ["--features", "planarity"]
        for words, names in (
            (["--k", "10", source], ["planarity"]),
            (["--k", "10,20", source], ["planarity_k10", "planarity_k20"]),
            (["--k", "10", "--k", "20", source], ["planarity_k10", "planarity_k20"]),
            (["--radius", "2", source], ["planarity"]),
            (["--radius", "2,3", source], ["planarity_r2", "planarity_r3"]),
            (["--k", "10", source, other], ["planarity"]),
            (["--radius", "2", source, other], ["planarity"]),
        ):
            self.lidar(*features, "-o", out, *words)
            self.assertEqual(dimensions(Path(out).read_bytes()), names, words)

    def test_options_are_plain(self):
        source, out = self.file("in.las", small_las([(0, 0, 0)])), str(self.folder / "out.las")
        for radius in ("-1", "0", "x", "nan", "1e999"):
            done = self.lidar(source, "-o", out, "--radius=" + radius, status=2)
            self.assertIn("not " + radius, done.stderr.decode())
            self.assertLess(len(done.stderr.splitlines()[0]), 100)
        shown = weir("lidar", "--help").stdout.decode()
        for feature in ("planarity", "mean_red", "height_above_ground", "lod3"):
            self.assertIn(feature, shown)

    def test_clouds_of_any_span_are_read(self):
        # Automatic scales, which have no common unit and use all 32 bits; degrees beside millimetres.
        full = [(i * 2654435761 % 2**32 - 2**31, i * 40503 * 65539 % 2**32 - 2**31, i * 97 * 2**24 % 2**32 - 2**31)
                for i in range(200)]
        degrees = [(i % 20, i // 20, i * 1500) for i in range(200)]
        for points, scales in ((full, (4.03e-7, 6.98e-7, 1.22e-6)), (degrees, (1e-7, 1e-7, 0.001))):
            source, out = self.file("in.las", scaled_las(points, scales)), self.folder / "out.las"
            done = weir("lidar", source, "-o", str(out), "--features", "geometry,height_above_ground", "--chunk", "60")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn(b" 0.00 x", done.stdout)
            written = out.read_bytes()
            self.assertEqual(struct.unpack_from("<3d", written, 131), scales)

    def test_joined_coordinates_that_are_rounded_are_told(self):
        one = self.file("1.las", scaled_las([(0, 0, 0), (2**31 - 1, 5, 5)], (1e-6, 1e-6, 1e-6)))
        two = self.file("2.las", scaled_las([(0, 0, 0), (9, 5, 5)], (1.1e-6, 1e-6, 1e-6), (2500, 0, 0)))
        done = self.lidar(one, two, "-o", str(self.folder / "out.las"), "--features", "density")
        self.assertIn(b"rounded to steps of 2e-06, 1e-06 and 1e-06", done.stdout)

    def test_what_is_too_far_across_is_refused_in_numbers(self):
        far = self.file("far.las", scaled_las([(0, 0, 0), (1, 1, 2**31 - 1)], (1e-12, 1e-12, 1.0)))
        done = self.lidar(far, "-o", str(self.folder / "out.las"), status=1)
        self.assertIn(b"2.14748e+21 steps of 1e-12 across", done.stderr)

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
