#!/usr/bin/env python3
"""Layouts of the same graphs by weir, Graphviz's sfdp and networkx: stress, spread of the edges' lengths, seconds.

    bench/graph_layouts.py [--weir PROGRAM] [--seeds N] [--threads N] [--out FILE.json] GRAPH...

GRAPH is a MatrixMarket file, a list of edges, grid:WIDTHxHEIGHT or preferential:NODESxEDGES:SEED. Edges have no weights.
Each program gets the same nodes in the same order, one program at a time. Seconds are of the whole program, with its
reading and writing; `cpu` is what all its threads took. sfdp runs without the removal of overlaps and without splines,
which only cost time and do not better its stress. A peer that is not installed is left out with a message. The stress
is computed here, by the definition in workloads/graph/layout/quality.hpp, for all alike. The exit status is 1 if weir
measures another one for its own layout, or if its median stress is above 1.1 times sfdp's, or if sfdp is not at least
twice as long at it by the processor's time; 77 without numpy.
"""
import argparse
import csv
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
except ImportError:
    print("graph_layouts: skipped, as numpy is not installed (python3-numpy)")
    sys.exit(77)

MAX_SOURCES = 200
MAX_NETWORKX_NODES = 12_000
MAX_OF_SFDPS_STRESS, MIN_TIMES_AS_FAST = 1.1, 2


class Graph:
    def __init__(self, name, nodes, edges):
        self.name, self.nodes = name, nodes
        self.edges = np.array(sorted({(min(e), max(e)) for e in edges if e[0] != e[1]}), dtype=np.int64).reshape(-1, 2)


def read_file(path):
    numbers, edges, nodes, sized = {}, [], 0, not path.endswith(".mtx")
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.split()
            if not fields or not fields[0].isdigit():
                continue
            if not sized:
                nodes, sized = int(fields[0]), True
            elif path.endswith(".mtx"):
                edges.append((int(fields[0]) - 1, int(fields[1]) - 1))
            else:
                edges.append(tuple(numbers.setdefault(each, len(numbers)) for each in fields[:2]))
    return Graph(os.path.basename(path), max(nodes, len(numbers)), edges)


def grid(width, height):
    edges = [(y * width + x, y * width + x + 1) for y in range(height) for x in range(width - 1)]
    edges += [(y * width + x, y * width + x + width) for y in range(height - 1) for x in range(width)]
    return Graph(f"grid:{width}x{height}", width * height, edges)


def preferential(nodes, per_node, seed):
    """Barabási and Albert 1999, from a star of the first nodes."""
    chance = random.Random(seed)
    edges = [(i, per_node) for i in range(per_node)]
    ends = [end for edge in edges for end in edge]
    for node in range(per_node + 1, nodes):
        others = set()
        while len(others) < per_node:
            others.add(chance.choice(ends))
        for other in sorted(others):
            edges.append((other, node))
            ends += [other, node]
    return Graph(f"preferential:{nodes}x{per_node}:{seed}", nodes, edges)


def make(name):
    kind, _, rest = name.partition(":")
    if kind == "grid":
        return grid(*map(int, rest.split("x")))
    if kind == "preferential":
        size, _, seed = rest.partition(":")
        return preferential(*map(int, size.split("x")), int(seed))
    return read_file(name)


def rows_of(graph):
    """Compressed rows: where each node's neighbours begin, and the neighbours."""
    both = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    offsets = np.zeros(graph.nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(both[:, 0], minlength=graph.nodes), out=offsets[1:])
    return offsets, both[:, 1]


def distances_from(source, offsets, columns):
    distances = np.full(len(offsets) - 1, -1, dtype=np.int64)
    distances[source] = 0
    front, distance = np.array([source]), 0
    while front.size:
        distance += 1
        counts = offsets[front + 1] - offsets[front]
        starts = np.repeat(offsets[front] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        reached = columns[starts + np.arange(counts.sum())]
        front = np.unique(reached[distances[reached] < 0])
        distances[front] = distance
    return distances


def measure(graph, rows, places):
    """The stress of quality.hpp and the spread of the edges' lengths."""
    sources = min(graph.nodes, MAX_SOURCES)
    first = second = pairs = 0
    for i in range(sources):
        source = graph.nodes * i // sources
        distances = distances_from(source, *rows)
        reached = np.flatnonzero(distances > 0)
        ratios = np.linalg.norm(places[reached] - places[source], axis=1) / distances[reached]
        first, second, pairs = first + ratios.sum(), second + (ratios**2).sum(), pairs + reached.size
    lengths = np.linalg.norm(places[graph.edges[:, 0]] - places[graph.edges[:, 1]], axis=1)
    return 1 - first**2 / (second * pairs), lengths.std() / lengths.mean()


def timed(command):
    """Runs a command: what it wrote, its seconds, and those of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Weir:
    def __init__(self, graph, folder, options):
        self.options, self.path, self.out = options, os.path.join(folder, "graph.mtx"), os.path.join(folder, "out.csv")
        with open(self.path, "w", encoding="ascii") as file:
            file.write("%%MatrixMarket matrix coordinate pattern symmetric\n")
            file.write(f"{graph.nodes} {graph.nodes} {len(graph.edges)}\n")
            file.writelines(f"{b + 1} {a + 1}\n" for a, b in graph.edges)

    def lay_out(self, seed):
        command = [self.options.weir, "graph", self.path, "-o", self.out, "--json", "--device", "host", "--frames", "none"]
        command += ["--law", self.options.law, "--seed", str(seed), "--threads", str(self.options.threads)]
        text, seconds, cpu = timed(command)
        with open(self.out, encoding="utf-8", newline="") as file:
            places = [[float(row[c]) for c in "xyz"] for row in csv.DictReader(file)]
        return np.array(places), seconds, cpu, json.loads(text)


class Sfdp:
    def __init__(self, graph, folder):
        self.nodes, self.path = graph.nodes, os.path.join(folder, "graph.gv")
        with open(self.path, "w", encoding="ascii") as file:
            file.write("graph {\n" + "".join(f"{node};\n" for node in range(graph.nodes)))
            file.writelines(f"{a}--{b};\n" for a, b in graph.edges)
            file.write("}\n")

    def lay_out(self, seed):
        command = ["sfdp", "-Goverlap=true", "-Gsplines=false", f"-Gstart={seed}", "-Tplain", self.path]
        text, seconds, cpu = timed(command)
        places = np.zeros((self.nodes, 2))
        for line in text.splitlines():
            if line.startswith("node "):
                _, node, x, y = line.split()[:4]
                places[int(node)] = float(x), float(y)
        return places, seconds, cpu, {}


class Networkx:
    def __init__(self, graph, networkx):
        self.networkx, self.graph = networkx, networkx.Graph()
        self.graph.add_nodes_from(range(graph.nodes))
        self.graph.add_edges_from(graph.edges.tolist())

    def lay_out(self, seed):
        start, cpu = time.monotonic(), time.process_time()
        places = self.networkx.spring_layout(self.graph, seed=seed)
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
        return np.array([places[node] for node in range(len(places))]), seconds, cpu, {}


def peers(graph, folder, options):
    made = {"weir": Weir(graph, folder, options)}
    if shutil.which("sfdp"):
        made["sfdp"] = Sfdp(graph, folder)
    else:
        print("sfdp is not installed (graphviz), so it is not compared")
    if not options.networkx:
        return made
    try:
        import networkx
        import scipy  # of which networkx makes large layouts  # noqa: F401
    except ImportError:
        print("networkx or scipy is not installed (python3-networkx, python3-scipy), so it is not compared")
        return made
    if graph.nodes <= MAX_NETWORKX_NODES:
        made["networkx"] = Networkx(graph, networkx)
    else:
        print(f"networkx is left out for more than {MAX_NETWORKX_NODES} nodes")
    return made


def compare(graph, options):
    """A row a program and seed."""
    rows, results = rows_of(graph), []
    print(f"{graph.name}: {graph.nodes} nodes, {len(graph.edges)} edges")
    with tempfile.TemporaryDirectory() as folder:
        for name, peer in peers(graph, folder, options).items():
            for seed in range(1, (1 if name == "networkx" else options.seeds) + 1):
                places, seconds, cpu, told = peer.lay_out(seed)
                stress, spread = measure(graph, rows, places)
                result = {"graph": graph.name, "program": name, "seed": seed, "stress": stress,
                          "edge_length_spread": spread, "seconds": seconds, "cpu_seconds": cpu, "report": told}
                results.append(result)
                steps = f", {told['steps']} steps" if told else ""
                print(f"  {name:9} seed {seed}: stress {stress:.5f}, spread {spread:.3f}, {seconds:.2f} s, "
                      f"cpu {cpu:.2f} s{steps}", flush=True)
                if told and abs(told["stress"] - stress) > 1e-3 * stress + 1e-9:
                    print(f"  weir measures a stress of {told['stress']}, which is not {stress}")
                    result["differs"] = True
    return results


def summarize(results):
    """The medians of weir over those of the peers; whether they keep the limits, which are sfdp's."""
    def median(program, figure):
        values = [each[figure] for each in results if each["program"] == program]
        return float(np.median(values)) if values else None
    kept = True
    for peer in ("sfdp", "networkx"):
        if median(peer, "stress") is None:
            continue
        print(f"  weir beside {peer}: {median('weir', 'stress') / median(peer, 'stress'):.3f} of the stress, "
              f"{median(peer, 'seconds') / median('weir', 'seconds'):.1f} times as fast, "
              f"{median(peer, 'cpu_seconds') / median('weir', 'cpu_seconds'):.1f} by the processor's time")
        if peer != "sfdp":
            continue
        if median("weir", "stress") > MAX_OF_SFDPS_STRESS * median(peer, "stress"):
            print(f"  MISS: the stress may be {MAX_OF_SFDPS_STRESS} times sfdp's")
            kept = False
        if median(peer, "cpu_seconds") < MIN_TIMES_AS_FAST * median("weir", "cpu_seconds"):
            print(f"  MISS: sfdp has to take {MIN_TIMES_AS_FAST} times as long at least")
            kept = False
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", nargs="+", metavar="GRAPH")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--weir", default=os.path.join(root, "build/release/bin/weir"))
    parser.add_argument("--law", default="fr", choices=["fr", "fa2", "app"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of weir; the peers have one")
    parser.add_argument("--networkx", action="store_true", help="compare with its spring_layout too")
    parser.add_argument("--out", help="a file for all figures, as JSON")
    options = parser.parse_args()
    everything, kept = [], True
    for name in options.graphs:
        results = compare(make(name), options)
        kept = summarize(results) and kept
        everything += results
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"command": sys.argv, "results": everything}, file, indent=1)
    return 0 if kept and not any(each.get("differs") for each in everything) else 1


if __name__ == "__main__":
    sys.exit(main())
