#!/usr/bin/env python3
"""Losses of the device in whole runs of the tool: tried, survived, what was lost, how long it took to go on.

    bench/faults.py [--weir PROGRAM] [--device DEVICE] [--losses N] [--out FILE.json]

Each of four commands runs undisturbed, and then N times with a loss at another call of the device, spread evenly over
all calls of the run (WEIR_INJECT=lose@CALL); then with memory refused, late events and a slow stream. A fault counts as
survived where the status is 0 and the file that is written and the result that is told are those of the undisturbed run,
byte for byte. `recover` is what MemoryManager::recover() took, where the command tells it; `extra` how much longer the
whole run took than the median undisturbed one: recovery, kernels made anew, steps made again. The exit status is 1 if a
fault was not survived or a byte was lost.
"""
import argparse
import json
import math
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

UNDISTURBED = 5  # runs
MISSED = re.compile(rb"the device was called (\d+) times")


def small_las(width):
    """A LAS 1.2 file of width x width points, at 1 cm."""
    points = [(100 * (i % width), 100 * (i // width), 7 * i % 90) for i in range(width * width)]
    header = bytearray(227)
    header[0:4], header[24], header[25] = b"LASF", 1, 2
    struct.pack_into("<HIIBHI", header, 94, 227, 227, 0, 0, 20, len(points))
    struct.pack_into("<6d", header, 131, 0.01, 0.01, 0.01, 0, 0, 0)
    return bytes(header) + b"".join(struct.pack("<iii8x", *point) for point in points)


def commands(folder):
    """Each command's name, its words, the file that it writes and what of its report is the result."""
    graph, cloud = os.path.join(folder, "graph.txt"), os.path.join(folder, "in.las")
    with open(graph, "w", encoding="utf-8") as file:
        file.writelines(f"{i} {(i * 7 + 1) % 500}\n{i} {(i + 1) % 500}\n" for i in range(500))
    with open(cloud, "wb") as file:
        file.write(small_las(60))
    csv, las, network = (os.path.join(folder, name) for name in ("out.csv", "out.las", "out.txt"))
    return [
        ("graph", [graph, "-o", csv, "--steps", "200", "--threads", "1"], csv, ["checksum", "steps", "stress"]),
        ("balance train", ["--steps", "2000", "-o", network], network, ["environment_steps", "updates", "upright"]),
        ("lidar", [cloud, "-o", las, "--k", "8", "--chunk", "400", "--threads", "1"], las, ["points"]),
        ("trajectory", ["--launches", "2000", "--chunk", "250", "-o", csv, "--threads", "1"], csv, ["launches", "steps"]),
    ]  # fmt: skip


class Command:
    def __init__(self, tool, device, name, words, output, result):
        self.name, self.output, self.result = name, output, result
        self.words = [tool, *name.split(), *words, "--json", "--device", device]
        runs = [self.run("lose@1000000000") for _ in range(UNDISTURBED)]
        if any(run["status"] != 0 for run in runs):
            sys.exit(f"faults: {name} fails undisturbed: {runs[0]['stderr'].decode(errors='replace')}")
        self.whole = runs[0]
        self.seconds = statistics.median(run["seconds"] for run in runs)
        self.calls = int(MISSED.search(self.whole["stderr"])[1])

    def run(self, faults):
        if os.path.exists(self.output):
            os.remove(self.output)
        start = time.perf_counter()
        done = subprocess.run(self.words, capture_output=True, env=os.environ | {"WEIR_INJECT": faults}, check=False)
        run = {"status": done.returncode, "seconds": time.perf_counter() - start, "stderr": done.stderr}
        if done.returncode == 0:
            run["report"] = json.loads(done.stdout.splitlines()[0])
            with open(self.output, "rb") as file:
                run["bytes"] = file.read()
        return run

    def tries(self, faults):
        """How it went, for the table and the file of all."""
        run = self.run(faults)
        survived = run["status"] == 0 and run["bytes"] == self.whole["bytes"]
        survived = survived and all(run["report"][key] == self.whole["report"][key] for key in self.result)
        report = run.get("report", {})
        return {
            "command": self.name, "faults": faults, "survived": survived, "struck": b" strikes call " in run["stderr"],
            "recoveries": report.get("recoveries"), "lost_bytes": report.get("lost_bytes"),
            "recovery_seconds": report.get("recovery_seconds"), "extra_seconds": run["seconds"] - self.seconds,
        }  # fmt: skip


def percentile(numbers, share):
    """The smallest of the numbers that so many of them do not exceed."""
    numbers = sorted(numbers)
    return numbers[max(0, math.ceil(share * len(numbers)) - 1)] if numbers else None


def milliseconds(seconds):
    return "-" if seconds is None else f"{1000 * seconds:.1f}"


def line(name, kind, tried):
    struck = [each for each in tried if each["struck"]]
    recovered = [each["recovery_seconds"] for each in struck if each["recoveries"] and each["recovery_seconds"]]
    extra = [each["extra_seconds"] for each in struck if each["survived"]]
    print(
        f"{name:14} {kind:10} {len(struck):5} {sum(each['survived'] for each in struck):8} "
        f"{sum(each['lost_bytes'] or 0 for each in struck):10} "
        f"{milliseconds(percentile(recovered, 0.5)):>11} {milliseconds(percentile(recovered, 0.99)):>11} "
        f"{milliseconds(percentile(extra, 0.5)):>9} {milliseconds(percentile(extra, 0.99)):>9}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default="build/release/bin/weir")
    parser.add_argument("--device", default="host")
    parser.add_argument("--losses", type=int, default=40, help="of each command")
    parser.add_argument("--out", help="all tries, as JSON")
    asked = parser.parse_args()
    everything = []
    with tempfile.TemporaryDirectory() as folder:
        print("                                                 recover, ms             extra, ms")
        print("command        fault      tried survived lost bytes         p50         p99       p50       p99")
        for name, words, output, result in commands(folder):
            command = Command(asked.weir, asked.device, name, words, output, result)
            calls = [1 + i * (command.calls - 1) // max(1, asked.losses - 1) for i in range(asked.losses)]
            middle = max(1, command.calls // 2)
            kinds = {
                "loss": [f"lose@{call}" for call in calls],
                "two losses": [f"lose@{call},lose@{call + middle}" for call in calls[: asked.losses // 4]],
                "no memory": [f"oom@{call}" for call in calls[: asked.losses // 4]],
                "late": ["late@100", "late@2000"],
                "slow": [f"slow@{call}:5" for call in calls[:: max(1, asked.losses // 4)]],
            }
            for kind, faults in kinds.items():
                tried = [command.tries(each) for each in faults]
                for each in tried:
                    each["struck"] = each["struck"] or kind == "late"
                everything += tried
                line(name, kind, tried)
            print(f"{name:14} undisturbed: {command.calls} calls, {1000 * command.seconds:.1f} ms", flush=True)
    if asked.out:
        with open(asked.out, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)
    failed = [each for each in everything if not each["survived"] or each["lost_bytes"]]
    for each in failed:
        print(f"not survived: {each['command']} with WEIR_INJECT={each['faults']}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
