"""weir's recordings, read and written by docs/recording-format.md alone."""

import struct
import zlib

MAGIC = b"\x89WEIR\r\n\x1a"
COUNTS = [
    "requested_live", "requested_peak", "requested_cumulative", "allocated_live", "allocated_peak",
    "allocated_cumulative", "reserved_live", "reserved_peak", "reserved_cumulative", "allocations", "frees",
    "cache_hits", "arena_hits", "misses", "refusals",
]  # fmt: skip
LAYOUT = {0: "block", 2: "block", 1: "free", 3: "pages", 4: "pages", 5: "pages", 6: "pages", 7: "transfer",
          8: "transfer", 9: "bytes", 10: "bytes", 11: "bytes", 12: "bytes", 13: "bytes", 64: "name"}  # fmt: skip


class Payload:
    """The bytes of a block, from front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def __bool__(self):
        return self.at < len(self.data)

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def step(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def text(self):
        size = self.varint()
        self.at += size
        return self.data[self.at - size : self.at].decode()


def blocks_of(data):
    """(kind, pool, time of the first record, payload) of each block; every sum is checked."""
    assert data[:8] == MAGIC
    major, _, size = struct.unpack_from("<HHI", data, 8)
    assert major == 1 and zlib.crc32(data[:44]) == struct.unpack_from("<I", data, 44)[0]
    at = size
    while at < len(data):
        mark, total, length, kind, pool, _, _, time = struct.unpack_from("<4sIIHHIIQ", data, at)
        assert mark == b"WBLK" and zlib.crc32(data[at + 8 : at + 32 + length]) == total
        yield kind, pool, time, Payload(data[at + 32 : at + 32 + length])
        at += 32 + length


def records_of(payload, time):
    thread = stream = tag = address = 0
    while payload:
        kind, bits = payload.byte(), payload.byte()
        time += payload.step()
        thread = thread if bits & 0x20 else payload.varint()
        stream = stream if bits & 0x40 else payload.varint()
        tag = tag if bits & 0x80 else payload.varint()
        record = {"kind": kind, "way": bits & 31, "time": time, "tag": tag, "thread": thread, "stream": stream}
        layout = LAYOUT[kind]
        if layout in ("block", "pages"):
            record["block"] = payload.varint()
            record["handles" if layout == "pages" else "bytes"] = payload.varint()
            if layout == "pages":
                record["bytes"] = payload.varint()
            else:
                record["granules"] = max(1, -(-record["bytes"] // 512)) + payload.step()
            address += payload.step()
            record["address"] = address
        elif layout == "free":
            record["block"] = payload.varint()
        elif layout == "name":
            record["named"], record["name"] = payload.varint(), payload.text()
        else:
            if layout == "transfer":
                record["block"] = payload.varint()
            record["bytes"] = payload.varint()
        yield record


def totals_of(records):
    """The counts of a pool, from its events."""
    live, sums = {}, dict.fromkeys(COUNTS, 0)

    def change(what, before, after):
        sums[what + "_live"] += after - before
        sums[what + "_cumulative"] += max(0, after - before)
        sums[what + "_peak"] = max(sums[what + "_peak"], sums[what + "_live"])

    for each in records:
        kind = each["kind"]
        if kind in (0, 1, 2):
            before = live.pop(each["block"], (0, 0))
            after = (each["bytes"], 512 * each["granules"]) if kind != 1 else (0, 0)
            change("requested", before[0], after[0])
            change("allocated", before[1], after[1])
            if kind != 1:
                live[each["block"]] = after
        if kind in (3, 4):
            change("reserved", 0 if kind == 3 else each["bytes"], each["bytes"] if kind == 3 else 0)
        sums["allocations"] += kind == 0
        sums["frees"] += kind == 1
        sums["refusals"] += kind == 9
        for way, name in ((1, "cache_hits"), (2, "arena_hits"), (3, "misses")):
            sums[name] += kind == 0 and each["way"] == way
    return sums


# --- writing ---------------------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def step(value):
    value &= (1 << 64) - 1
    return varint(((value << 1) ^ (-(value >> 63))) & ((1 << 64) - 1))


def file_header(major=1, minor=0, size=48, wall=10**18, steady=10**9):
    head = MAGIC + struct.pack("<HHIQQIII", major, minor, size, wall, steady, 1, 0, 0)
    return head + struct.pack("<I", zlib.crc32(head)) + b"\0" * (size - 48)


def seal(kind, pool, payload, time=0):
    """A block whose sum is right, whatever it holds."""
    rest = struct.pack("<IHHIIQ", len(payload), kind, pool, 0, 0, time) + payload
    return b"WBLK" + struct.pack("<I", zlib.crc32(rest)) + rest


class Writer:
    """A recording of one pool, event by event."""

    def __init__(self, name="pool", limit=0):
        fields = {1: name, 2: "device", 3: "host", 4: "pages", 5: str(limit), 6: str(2 << 20)}
        texts = {which: text.encode(errors="surrogateescape") for which, text in fields.items()}
        payload = b"".join(bytes([which]) + varint(len(text)) + text for which, text in texts.items())
        self.parts = [file_header(), seal(1, 1, payload)]
        self.payload = b""
        self.tags = {}
        self.begin(0)

    def begin(self, time):
        if self.payload:
            self.parts.append(seal(2, 1, self.payload, self.first))
        self.payload, self.first, self.time, self.address = b"", time, time, 0

    def record(self, kind, time, fields, way=0, thread=1, stream=0, tag=0):
        if len(self.payload) > 60_000:
            self.begin(time)
        start = bytes([kind, way]) + step(time - self.time) + varint(thread) + varint(stream) + varint(tag)
        self.payload += start + fields
        self.time = time

    def tag(self, name, time=0):
        """The number of an owner's name."""
        if name not in self.tags:
            self.tags[name] = len(self.tags) + 1
            text = name.encode(errors="surrogateescape")
            self.record(64, max(time, self.time), varint(self.tags[name]) + varint(len(text)) + text)
        return self.tags[name]

    def block(self, kind, time, block, size, address, **more):
        if len(self.payload) > 60_000:
            self.begin(time)
        place, self.address = step(address - self.address), address
        self.record(kind, time, varint(block) + varint(size) + step(0) + place, **more)

    def allocate(self, time, block, size, address, **more):
        self.block(0, time, block, size, address, **more)

    def resize(self, time, block, size, address, **more):
        self.block(2, time, block, size, address, **more)

    def free(self, time, block, **more):
        self.record(1, time, varint(block), **more)

    def pages(self, kind, time, size, address):
        if len(self.payload) > 60_000:
            self.begin(time)
        place, self.address = step(address - self.address), address
        self.record(kind, time, varint(size >> 21) + varint(1) + varint(size) + place, way=9)

    def transfer(self, time, end, number, size, way=11):
        self.record(7, time, varint(number) + varint(size), way=way)
        self.record(8, end, varint(number) + varint(size), way=way)

    def bytes(self, pool_end=None):
        """`pool_end` gives the pool's own counts, by their numbers."""
        self.begin(0)
        end = b""
        if pool_end is not None:
            counts = b"".join(varint(which) + varint(value) for which, value in pool_end.items())
            end = seal(4, 1, varint(len(pool_end)) + counts)
        return b"".join(self.parts) + end + seal(5, 0, b"")
