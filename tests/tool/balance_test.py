#!/usr/bin/env python3
"""`weir balance` from outside: the objects for scripts, files that are read again, errors in one line."""

import json
import shutil
import signal
import subprocess
import time
import unittest

from tool import TOOL, ToolCase, may_be_interrupted, weir

HOST = ["--device", "host"]
SEED_KEYS = {
    "seed", "solved", "stopped", "environment_steps", "updates", "upright", "episodes", "seconds", "mean_reward",
    "requests", "hit_rate", "driver_calls_after_warm_up", "peak_bytes", "peak_update_bytes", "recoveries", "lost_bytes",
    "recovery_seconds", "spilled_bytes",
}  # fmt: skip
BENCH_KEYS = {
    "kernels", "robots", "steps_per_second_physics", "steps_per_second_full", "steps_per_second_network", "forward_ns",
    "roundtrip_p50_ms", "roundtrip_p99_ms", "update_us", "pooled_over_driver", "pooled_over_driver_spread",
}  # fmt: skip


class Balance(ToolCase):
    def train(self, *arguments, status=0):
        done = weir("balance", "train", *HOST, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def refused(self, *arguments, status=1, says):
        done = weir("balance", *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        text = done.stderr.decode()
        for words in [says] if isinstance(says, str) else says:
            self.assertIn(words, text)
        if status == 1:
            self.assertEqual(text.count("\n"), 1, text)

    def test_prints_an_object_for_each_seed_and_one_for_all(self):
        lines = self.train("--seeds", "2", "--json").stdout.decode().splitlines()
        self.assertEqual(len(lines), 3)
        for number, line in enumerate(lines[:2]):
            each = json.loads(line)
            self.assertEqual(set(each), SEED_KEYS)
            self.assertEqual(each["seed"], number + 1)
            self.assertGreaterEqual(each["hit_rate"], 0.9)
            self.assertEqual(each["driver_calls_after_warm_up"], 0)
            self.assertGreater(each["requests"], 0)
        whole = json.loads(lines[2])
        solved = [each["environment_steps"] for each in map(json.loads, lines[:2]) if each["solved"]]
        self.assertEqual([whole["seeds"], whole["solved_seeds"]], [2, len(solved)])
        self.assertEqual(whole["solved_rate"], len(solved) / 2)
        self.assertEqual(len(solved), 2, "the spread of two is what is looked at")
        spread = whole["environment_steps_of_solved"]
        self.assertEqual(spread, {"min": min(solved), "median": sum(solved) / 2, "max": max(solved)})
        self.assertEqual(whole["upright"], {"min": 100, "median": 100, "max": 100})

    def test_a_trained_network_is_written_run_and_exported(self):
        net, header = self.folder / "net.txt", self.folder / "brain.h"
        curves = self.folder / "curves.svg"
        picture = self.folder / "curves.png"
        self.train("-o", str(net), "--header", str(header), "--curves", str(curves))
        self.train("--curves", str(picture), "--steps", "300")
        self.assertTrue(net.read_text().startswith("weir-network 1\n"))
        self.assertIn("<svg", curves.read_text())
        self.assertEqual(picture.read_bytes()[:4], b"\x89PNG")
        done = weir("balance", "run", *HOST, str(net), "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        shown = json.loads(done.stdout)
        self.assertTrue(shown["upright"])
        self.assertAlmostEqual(shown["seconds"], 10, 1)
        compiler = shutil.which("cc") or shutil.which("gcc")
        self.assertIsNotNone(compiler)
        program = self.folder / "program.c"
        program.write_text(
            '#include "brain.h"\n#include <stdio.h>\nint main(void) {\n'
            '  float in[network_brain_inputs] = {0.2f, 0.0f, 0.2f, 0.0f}, out[network_brain_outputs];\n'
            "  network_brain(in, out);\n"
            '  printf("%.9g %.9g %.9g\\n", out[0], out[1], out[2]);\n  return 0;\n}\n'
        )
        binary = self.folder / "program"
        subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", binary, program], check=True)
        outputs = [float(word) for word in subprocess.run([binary], check=True, capture_output=True).stdout.split()]
        # Leaning one way, the network pushes that way to get below its weight, which is the action 2.
        self.assertEqual(max(range(3), key=lambda i: outputs[i]), 2)

    def test_goes_on_from_a_checkpoint(self):
        checkpoint = self.folder / "training.txt"
        arguments = ["--network", "4-8-3", "--keep-going", "--json", "--checkpoint", str(checkpoint)]
        first = json.loads(self.train(*arguments, "--steps", "200").stdout.decode().splitlines()[0])
        self.assertEqual(first["environment_steps"], 200)
        second = json.loads(self.train(*arguments, "--steps", "400").stdout.decode().splitlines()[0])
        self.assertEqual(second["environment_steps"], 400)
        self.assertGreater(second["episodes"], first["episodes"])

    def test_a_checkpoint_that_is_at_its_end_is_told_as_it_is(self):
        checkpoint, net = self.folder / "training.txt", self.folder / "net.txt"
        arguments = ["--json", "--checkpoint", str(checkpoint), "-o", str(net)]
        first = json.loads(self.train(*arguments).stdout.decode().splitlines()[0])
        written = net.read_text()
        self.assertTrue(first["solved"])
        second = json.loads(self.train(*arguments).stdout.decode().splitlines()[0])
        for key in ["solved", "upright", "environment_steps"]:
            self.assertEqual(second[key], first[key])
        self.assertEqual(net.read_text(), written)

    def test_refuses_an_option_that_a_checkpoint_has_otherwise(self):
        checkpoint = self.folder / "training.txt"
        self.train("--network", "4-8-3", "--steps", "100", "--rate", "0.001", "--checkpoint", str(checkpoint))
        go_on = ["train", *HOST, "--steps", "100", "--checkpoint", str(checkpoint)]
        self.refused(*go_on, "--network", "2-8-3", says=["--network 4-8-3, not 2-8-3"])
        self.refused(*go_on, "--reward", "simple", says=["--reward complex, not simple"])
        self.refused(*go_on, "--seed", "7", says=["--seed 1, not 7"])
        self.refused(*go_on, "--rate", "1e-2", says=["--rate 0.001, not 0.01"])
        # The title is the network of the checkpoint, named on the command line or not.
        saved, pictures = checkpoint.read_bytes(), []
        for words in [["--network", "4-8-3"], ["--rate", "1e-3"]]:
            checkpoint.write_bytes(saved)
            curves = self.folder / "curves.svg"
            self.train("--steps", "200", "--checkpoint", str(checkpoint), *words, "--curves", str(curves))
            pictures.append(curves.read_bytes())
        self.assertTrue(pictures[0] == pictures[1])

    def test_a_checkpoint_that_cannot_be_written_is_told_before_training(self):
        net = self.folder / "net.txt"
        nowhere = self.folder / "none" / "training.txt"
        self.refused("train", *HOST, "--steps", "1000000000", "--episodes", "1000000", "--keep-going", "-o", str(net),
                     "--checkpoint", str(nowhere), says="none")  # fmt: skip
        self.assertFalse(net.exists())

    def stopped_by(self, number):
        """The checkpoint and the network's file of training that got the signal once it had saved."""
        checkpoint, net = self.folder / f"training{number}.txt", self.folder / f"net{number}.txt"
        net.write_text("a good network")
        process = subprocess.Popen(
            [TOOL, "balance", "train", *HOST, "--keep-going", "--steps", "100000000", "--episodes", "1000000", "--json",
             "--checkpoint", str(checkpoint), "-o", str(net)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=may_be_interrupted)  # fmt: skip
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 128 + number, err)
        self.assertTrue(json.loads(out.decode().splitlines()[0])["stopped"])
        return checkpoint, net

    def test_saves_during_the_run_and_after_a_signal_and_replaces_no_network_then(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            with self.subTest(number):
                checkpoint, net = self.stopped_by(number)
                self.assertTrue(checkpoint.read_text().splitlines()[-1].startswith("checksum "))
                self.assertEqual(net.read_text(), "a good network")

    def test_bench_prints_its_rates(self):
        done = weir("balance", "bench", *HOST, "--seconds", "0.05", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        rates = json.loads(done.stdout)
        self.assertEqual(set(rates), BENCH_KEYS)
        self.assertGreater(rates["steps_per_second_physics"], 0)
        self.assertGreater(rates["roundtrip_p99_ms"], 0)

    def test_refuses_what_is_wrong(self):
        train = ["train", *HOST]
        self.refused(*train, "--network", "4-300-3", says=["300", "256"])
        self.refused(*train, "--network", "huge", says="Micro, Nano")
        self.refused(*train, "--reward", "greedy", says="offset-adaptive")
        self.refused(*train, "--batch", "0", says=["batch", "16 to 256"])
        self.refused(*train, "--rate", "nan", says=["rate"])
        self.refused(*train, "--noise", "-1", says=["noise", "0 to 0.1"])
        self.refused(*train, "--seeds", "2", "-o", str(self.folder / "net"), says="--seeds")
        self.refused(*train, "--curves", str(self.folder / "curves.jpg"), says=".png")
        self.refused(*train, "--limit", "100KiB", says="limit")
        self.refused("run", *HOST, str(self.folder / "none"), says="none")
        self.refused("run", *HOST, self.file("net", "weir-network 1\nlayers 3 2 8"), says=["line 2", "cut short"])
        self.refused("run", *HOST, "net", "--watch", "--json", says="--watch", status=2)
        self.refused("bench", "--robots", "0", says="--robots", status=2)
        self.refused("train", "--seeds", "0", says="--seeds", status=2)
        self.refused("trian", says=["no command or option trian", "train|run|bench"], status=2)


if __name__ == "__main__":
    unittest.main()
