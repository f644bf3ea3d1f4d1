"""A report's page as the tests see it: its parts, and its numbers read without its scripts."""

import base64
import hashlib
import json
import re
import zlib

BEGIN, END, TAKE, GIVE = range(4)


class Columns:
    """Numbers of seven bits a byte, the lowest first."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def numbers(self, count):
        return [self.number() for _ in range(count)]

    def rises(self, count):
        value, all = 0, []
        for _ in range(count):
            value += self.number()
            all.append(value)
        return all

    def steps(self, count):
        value, all = 0, []
        for _ in range(count):
            folded = self.number()
            value = (value + (folded >> 1 ^ -(folded & 1))) % (1 << 64)
            all.append(value)
        return all

    def raw(self, count):
        self.at += count
        return self.data[self.at - count : self.at]


class PoolData:
    """The columns of a pool, all of them: what is left over is a mistake."""

    def __init__(self, shape, data):
        assert len(data) == shape["bytes"], (len(data), shape["bytes"])
        columns = Columns(data)
        count, lives, bands = shape["changes"], shape["lives"], len(shape["bands"])
        self.times, self.kinds = columns.rises(count), columns.raw(count)
        self.what, begun = [], 0
        for kind in self.kinds:
            self.what.append(begun if kind == BEGIN else begun - columns.number() if kind == END else columns.number())
            begun += kind == BEGIN
        self.bytes, granules = columns.numbers(lives), columns.numbers(lives)
        self.allocated = [512 * each for each in granules]
        self.offset, self.tag = columns.steps(lives), columns.numbers(lives)
        self.stream, self.thread = columns.numbers(lives), columns.numbers(lives)
        self.way, self.since_born, self.band = columns.raw(lives), columns.numbers(lives), columns.raw(lives)
        mapped, moved, marks = shape["mapped"], shape["transfers"], shape["marks"]
        mapping = columns.steps(mapped), *(columns.numbers(mapped) for _ in range(3))
        self.mapped = list(zip(*mapping))
        transfer = columns.rises(moved), *(columns.numbers(moved) for _ in range(4)), columns.raw(moved)
        self.transfers = list(zip(*transfer))
        self.marks = list(zip(columns.rises(marks), columns.raw(marks), columns.numbers(marks), columns.numbers(marks)))
        self.levels = []
        for step, buckets in shape["levels"]:
            level = {"step": step, "highest": columns.rises(buckets)}
            level |= {name: columns.steps(buckets) for name in ("lowest", "allocated", "reserved")}
            level |= {name: columns.numbers(buckets) for name in ("cache", "arena", "miss")}
            level["bands"] = [columns.steps(buckets) for _ in range(bands)]
            self.levels.append(level)
        checkpoints = -(-count // shape["checkpoint_step"]) + 1
        for _ in range(2 + bands):
            columns.steps(checkpoints)
        assert columns.at == len(data), (columns.at, len(data))
        self.reserved_before = shape["reserved_before"]

    def books(self):
        """(requested, allocated, reserved) after each change."""
        now, all = [0, 0, self.reserved_before], []
        for kind, what in zip(self.kinds, self.what):
            if kind in (BEGIN, END):
                sign = 1 if kind == BEGIN else -1
                now[0] += sign * self.bytes[what]
                now[1] += sign * self.allocated[what]
            else:
                now[2] += what if kind == TAKE else -what
            all.append(tuple(now))
        return all

    def live(self, moment):
        """The lives that are live after so many changes."""
        found = set()
        for kind, what in zip(self.kinds[:moment], self.what[:moment]):
            if kind == BEGIN:
                found.add(what)
            elif kind == END:
                found.discard(what)
        return found


class Page:
    def __init__(self, text):
        self.text = text
        self.scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
        self.model = json.loads(self.part("model"))

    def part(self, name):
        return re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', self.text, re.DOTALL)[1]

    def pool(self, number=0):
        data = zlib.decompress(base64.b64decode(self.part(f"pool-{number}"), validate=True))
        return PoolData(self.model["pools"][number]["shape"], data)

    def sums(self):
        """The sums that its policy allows, and those of its script and style."""
        def of(text):
            return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

        allowed = dict(re.findall(r"(script|style)-src 'sha256-([^']+)'", self.text))
        style = re.search(r"<style>(.*?)</style>", self.text, re.DOTALL)[1]
        return allowed, {"script": of(self.scripts[-1]), "style": of(style)}
