#!/usr/bin/env python3
"""`weir replay --json` on the recorded traces: what they hold, the bars they must reach, the model's agreement."""

import os
import sys
import unittest
from pathlib import Path

from tool import ToolCase

TRACES = Path(os.environ.get("WEIR_SHARED_DATA", "../shared/data")) / "traces"
TRAINING = "pytorch/wedsonlin_medium_ctx128_training.pickle"
# file: operations (with those live when recording began), peak requested, utilization bar, most remaps
PYTORCH = {
    "pytorch/niu_fwdbwd_200.pickle": (3907 + 3745, 1_229_753_640, 0.945, None),
    TRAINING: (6526 + 6305 + 664, 7_013_335_044, 0.97, 372),
    "pytorch/wedsonlin_medium_ctx256_inference.pickle": (1280 + 1280 + 223, 1_793_775_616, 0.97, None),
}
RECORDED = dict(zip(PYTORCH, (1_390_411_776, 7_235_174_400, 1_864_368_128)))
INTERVALS = {
    "idealloc/resnet50.csv": (2 * 1042, 1_515_472_556, 0.98, None),
    "idealloc/pangu_2.6B.csv": (2 * 18692, 5_530_099_775, 0.80, 4200),
}
PACKINGS = {"A": 1048576, "B": 1048576, "C": 1039360, "D": 986112, "E": 1048576, "F": 1048576}


class SharedTraces(ToolCase):
    def check(self, files, device):
        objects, errors = self.replay("--device", device, *(str(TRACES / name) for name in files))
        self.assertEqual([Path(each["file"]) for each in objects], [TRACES / name for name in files])
        for name, each in zip(files, objects):
            operations, peak, bar, remaps = files[name]
            with self.subTest(name, device=device):
                self.assertEqual((each["operations"], each["streams"]), (operations, 1))
                self.assertEqual(each["peak_requested"], peak)
                self.assertGreaterEqual(each["utilization"], bar)
                if remaps:
                    self.assertLessEqual(each["page_remaps"], remaps)
                self.assertEqual(each["comparisons"]["direct"]["driver_calls"], operations)
        self.assertEqual(errors, [])
        return objects

    def test_pytorch(self):
        for each, recorded in zip(self.check(PYTORCH, "dry"), RECORDED.values()):
            native = each["comparisons"]["pytorch_native"]
            self.assertEqual(each["format"], "pytorch-snapshot")
            self.assertEqual(native["recorded_peak_reserved"], recorded)
            self.assertLess(abs(native["peak_reserved"] / recorded - 1), 0.005)
            self.assertLess(native["utilization"], each["utilization"])

    def test_intervals(self):
        for each in self.check(INTERVALS, "dry"):
            self.assertEqual(each["format"], "interval-csv")
            self.assertIsNone(each["comparisons"]["pytorch_native"]["recorded_peak_reserved"])

    def test_packings(self):
        objects, _ = self.replay(*(str(TRACES / f"minimalloc/{name}.1048576.csv") for name in PACKINGS))
        self.assertEqual([each["peak_requested"] for each in objects], list(PACKINGS.values()))

    def test_host_memory_does_as_the_dry_device(self):
        name = "pytorch/niu_fwdbwd_200.pickle"
        operations, peak, bar, remaps = PYTORCH[name]
        # In real time, in which this thread does nothing but allocate: large blocks are cached.
        self.check({name: (operations, peak, bar - 0.04, remaps)}, "host")

    def test_threads_of_a_real_job(self):
        log = str(TRACES / "torch26/torch26_small_fixed_two_threads_rmm.csv.gz")
        if not os.path.exists(log):
            self.skipTest("no torch26 traces")
        (each,), _ = self.replay(log)
        (merged,), _ = self.replay("--threads", "merge", log)
        self.assertEqual((each["threads"], merged["threads"], each["operations"]), (2, 1, 53211))
        self.assertAlmostEqual(each["comparisons"]["pytorch_expandable"]["utilization"], 0.973, delta=0.001)

    def test_expandable_segments_cost_what_is_known_of_them(self):
        (each,), _ = self.replay("--repeat", "2", str(TRACES / TRAINING))
        expandable = each["comparisons"]["pytorch_expandable"]
        self.assertAlmostEqual(expandable["utilization"], 0.980, delta=0.001)
        self.assertLess(abs(expandable["driver_calls"][0] / 1035 - 1), 0.02)
        self.assertEqual(expandable["driver_calls"][1], 0)

    def test_would_it_fit(self):
        trace = str(TRACES / TRAINING)
        (fits,), _ = self.replay("--capacity", "24GiB", trace)
        self.assertTrue(fits["fits"])
        (refused,), errors = self.replay("--capacity", "4GiB", trace)
        self.assertFalse(refused["fits"])
        self.assertEqual(refused["peak_requested"], PYTORCH[TRAINING][1])
        self.assertEqual(refused["needed"], refused["peak_reserved"])
        self.assertGreater(refused["needed"], 4 << 30)
        (enough,), _ = self.replay("--capacity", str(refused["needed"]), trace)
        self.assertTrue(enough["fits"])
        holders = [holder["bytes"] for holder in refused["largest_holders"]]
        self.assertEqual(holders, sorted(holders, reverse=True))
        (late,), _ = self.replay("--capacity", "6GiB", trace)
        self.assertIn(".py:", late["refused"][0]["frame"])
        self.assertEqual(errors, [])

    def test_content_and_not_name_tells_the_format(self):
        pickled, table = self.folder / "a.csv", self.folder / "b.pickle"
        pickled.symlink_to((TRACES / TRAINING).resolve())
        table.symlink_to((TRACES / "idealloc/resnet50.csv").resolve())
        objects, _ = self.replay(str(pickled), str(table))
        self.assertEqual([each["format"] for each in objects], ["pytorch-snapshot", "interval-csv"])

    def test_truncated_at_any_place(self):
        whole = (TRACES / TRAINING).read_bytes()
        for part in (1, 2, 100, len(whole) // 2, len(whole) - 1):
            cut = self.file("cut", whole[:part])
            objects, errors = self.replay(cut, status=1)
            self.assertEqual((objects, len(errors)), ([], 1))
            self.assertIn(cut, errors[0])


if __name__ == "__main__":
    if not TRACES.is_dir():
        print(f"no shared traces at {TRACES}")
        sys.exit(77)
    unittest.main()
