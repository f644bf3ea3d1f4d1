#!/usr/bin/env python3
"""What a monitor writes, against those who read it: promtool, the sample alerts, the dashboard, the JSON's schema.

WEIR_EXAMPLE names examples/monitor, which prints the texts. What is not installed is skipped, and ctest says so:
promtool (Debian: prometheus), jsonschema (Debian: python3-jsonschema).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

EXAMPLE = os.environ["WEIR_EXAMPLE"]
FOLDER = Path(__file__).resolve().parents[2] / "monitoring"
NAME = re.compile(r"\bweir_[a-z_]+\b")


def printed(what):
    return subprocess.run([EXAMPLE, what], check=True, capture_output=True, text=True, timeout=60).stdout


def promtool(*words, text=None):
    path = shutil.which("promtool")
    if path is None:
        raise unittest.SkipTest("promtool is not installed (Debian: prometheus)")
    return subprocess.run([path, *words], input=text, capture_output=True, text=True, timeout=60)


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = printed("prometheus")
        cls.names = {re.split(r"[{ ]", line)[0] for line in cls.text.splitlines() if not line.startswith("#")}

    def test_promtool_takes_the_text(self):
        done = promtool("check", "metrics", text=self.text)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_promtool_sees_what_is_wrong(self):
        self.assertNotEqual(promtool("check", "metrics", text=self.text.replace('"scene"', "scene", 1)).returncode, 0)

    def test_promtool_takes_the_rules(self):
        done = promtool("check", "rules", str(FOLDER / "alerts.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_alerts_fire_when_they_should(self):
        done = promtool("test", "rules", str(FOLDER / "alerts_test.yml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_metric_has_its_lines_together(self):
        families, seen = [], set()
        for line in self.text.splitlines():
            if line.startswith("# TYPE"):
                families.append(line.split()[2])
            elif not line.startswith("#"):
                self.assertTrue(line.startswith(families[-1]), line)
                series = line.rsplit(" ", 1)[0]
                self.assertNotIn(series, seen)
                seen.add(series)
        self.assertEqual(len(families), len(set(families)))

    def test_rules_and_dashboard_name_metrics_that_there_are(self):
        for file in ["alerts.yml", "alerts_test.yml", "dashboard.json"]:
            named = set(NAME.findall((FOLDER / file).read_text()))
            self.assertGreater(len(named), 4, file)
            self.assertEqual(named - self.names, set(), file)

    def test_the_dashboard_is_whole(self):
        dashboard = json.loads((FOLDER / "dashboard.json").read_text())
        panels = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        for panel in panels:
            self.assertTrue(panel["targets"] and all(NAME.search(each["expr"]) for each in panel["targets"]))

    def test_the_json_is_as_its_schema_says(self):
        known = json.loads(printed("json"))
        schema = json.loads((FOLDER / "monitor.schema.json").read_text())
        self.assertEqual(set(known), set(schema["required"]))
        self.assertEqual(set(known["metrics"]), set(schema["properties"]["metrics"]["required"]))
        self.assertEqual(known["sample"]["peak_requested_bytes"], 4_040_000)
        self.assertEqual(known["sample"]["compute"]["count"], 20)
        self.assertGreater(known["metrics"]["transfer_time"]["count"], 0)
        self.assertIsNone(known["sample"]["utilization"])
        try:
            import jsonschema
        except ImportError:
            self.skipTest("jsonschema is not installed (Debian: python3-jsonschema)")
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(known, schema)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(known | {"version": 2}, schema)


if __name__ == "__main__":
    result = unittest.main(verbosity=1, exit=False).result
    # ctest shows a test as skipped where a part of it was; what failed goes first.
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
