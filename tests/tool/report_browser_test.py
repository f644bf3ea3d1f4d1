#!/usr/bin/env python3
"""A report in a real browser: it shows what is recorded, a million events open and move in time, names do no harm."""

import os
import random
import sys
import time
import unittest
from pathlib import Path

import browser
from recording_file import Writer
from report_test import HOSTILE, TRACES, Report, scene
from tool import MIB, intervals, weir

AREAS = """(() => {
  const box = document.getElementById('chart').getBoundingClientRect();
  const {chart, overview} = weirReport.areas, ratio = weirReport.ratio;
  return {left: box.left + chart.left / ratio, top: box.top + chart.top / ratio, width: chart.width / ratio,
          height: chart.height / ratio, overview: box.top + overview.top / ratio + 5};
})()"""
MOMENT = "weirReport.panel.moment"


def words(bytes):
    """As the page writes a number of bytes."""
    value, unit = bytes, 0
    while value >= 1024 and unit < 6:
        value, unit = value / 1024, unit + 1
    digits = 0 if unit == 0 or value >= 1000 else 1 if value >= 100 else 2
    return f"{value:.{digits}f} {['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]}"


def million(events=1_000_000):
    """Forty owners, tens of thousands of live blocks, transfers: as many events as asked for."""
    dice, made = random.Random(1), Writer("million", limit=8 << 30)
    tags = [made.tag(f"owner {number}") for number in range(40)]
    now, base, live, free = 10**9, 0x7F0000000000, [], list(range(60_000))
    for page in range(100):
        made.pages(3, now, 64 * MIB, 0)
        made.pages(5, now, 64 * MIB, base + page * 64 * MIB)
    for number in range(events - 200 - events // 250):
        now += dice.randrange(50, 4000)
        if live and (len(live) > 20_000 + 15_000 * (number // 60_000 % 2) or dice.random() < 0.45):
            at = dice.randrange(len(live))
            live[at], live[-1] = live[-1], live[at]
            free.append(live.pop())
            made.free(now, free[-1])
        else:
            block = free.pop()
            live.append(block)
            made.allocate(now, block, dice.choice((700, 5000, 30_000, 100_000)), base + block * 104 * 1024,
                          way=dice.choice((1, 1, 1, 2, 3)), tag=dice.choice(tags))  # fmt: skip
        if number % 500 == 0:
            made.transfer(now, now + dice.randrange(1000, 90_000), number, MIB, 11 + dice.randrange(2))
    return made


class InBrowser(Report):
    def page(self, source):
        page, _, _ = self.report(source)
        return str(self.folder / "out.html"), page

    def open(self, path, **looks):
        opened = browser.Browser(**looks)
        self.addCleanup(opened.__exit__)
        opened.seconds = opened.open(path)
        return opened

    def quiet(self, opened):
        self.assertEqual(opened.complaints(), [])


class Shown(InBrowser):
    def test_what_hovers_is_what_was(self):
        path, page = self.page(self.file("scene.weir", scene().bytes()))
        data, opened = page.pool(), self.open(path)
        books, areas = data.books(), opened.run(AREAS)
        seen = set()
        for zoom in range(4):
            for part in (0.02, 0.21, 0.5, 0.77, 0.98):
                opened.mouse("mouseMoved", areas["left"] + part * areas["width"], areas["top"] + areas["height"] / 2)
                opened.settle()
                moment = opened.run(MOMENT)
                seen.add(moment)
                self.same_moment(opened, page, data, books, moment)
            for _ in range(4):
                at = areas["left"] + 0.37 * areas["width"]
                opened.mouse("mouseWheel", at, areas["top"] + 50, deltaX=0, deltaY=-250)
            opened.settle()
        self.assertGreater(len(seen), 12)
        self.quiet(opened)

    def same_moment(self, opened, page, data, books, moment):
        requested, allocated, reserved = books[moment - 1] if moment else (0, 0, data.reserved_before)
        live, names = data.live(moment), page.model["names"]
        state = opened.run("({...weirReport.shown.state, bands: [...weirReport.shown.state.bands]})")
        self.assertEqual((state["requested"], state["allocated"], state["reserved"]), (requested, allocated, reserved))
        self.assertEqual(sum(state["bands"]), requested)
        self.assertEqual(opened.run("weirReport.shown.holders.blocks"), len(live))
        owners = {}
        for life in live:
            owners[data.tag[life]] = owners.get(data.tag[life], 0) + data.bytes[life]
        told = opened.run("weirReport.shown.holders.owners.map(({tag, bytes}) => [tag, bytes])")
        self.assertEqual(dict(map(tuple, told)), owners)
        largest = sorted((data.bytes[life] for life in live), reverse=True)[:8]
        told = opened.run("weirReport.shown.holders.largest.map((life) => weirReport.pool.bytes[life])")
        self.assertEqual(told, largest)
        tip = opened.run("document.getElementById('tip').innerText")
        self.assertIn(words(requested), tip)
        top = max(owners, key=owners.get) if owners else None
        if top is not None:
            self.assertIn(names[top] or "no owner", tip)
            self.assertIn(words(owners[top]), tip)
        figures = opened.run("document.getElementById('moment-figures').innerText")
        for value in (requested, allocated, reserved):
            self.assertIn(words(value), figures)

    def test_a_column_shows_the_highest_of_its_time(self):
        path, page = self.page(self.file("scene.weir", scene(events=20_000).bytes()))
        data, opened = page.pool(), self.open(path)
        books = data.books()
        for axis, zoom in [(axis, zoom) for axis in ("time", "event") for zoom in range(3)]:
            places = data.times if axis == "time" else range(1, len(data.times) + 1)
            opened.run(f"weirReport.lieBy('{axis}')")
            end = opened.run("weirReport.view.end")
            opened.run(f"weirReport.view.set({zoom / 9 * end}, {(zoom / 9 + 1 / 4 ** zoom) * end})")
            opened.settle()
            view = opened.run("({from: weirReport.view.from, to: weirReport.view.to})")
            columns = opened.run("({highest: [...weirReport.timeline.columns.highest], "
                                 "requested: [...weirReport.timeline.columns.requested], "
                                 "reserved: [...weirReport.timeline.columns.reserved]})")  # fmt: skip
            width = len(columns["highest"])
            by_column = {}
            for change, place in enumerate(places):
                if view["from"] < place <= view["to"]:
                    column = min(width - 1, max(0, int((place - view["from"]) * (width / (view["to"] - view["from"])))))
                    by_column.setdefault(column, []).append(change)
            last = max((change for change, place in enumerate(places) if place <= view["from"]), default=-1)
            for column in range(width):
                if column in by_column:
                    changes = by_column[column]
                    self.assertEqual(columns["requested"][column], max(books[each][0] for each in changes), column)
                    self.assertEqual(columns["reserved"][column], max(books[each][2] for each in changes), column)
                    self.assertIn(columns["highest"][column], changes)
                    last = changes[-1]
                else:
                    self.assertEqual(columns["highest"][column], -1)
                    self.assertEqual(columns["requested"][column], books[last][0] if last >= 0 else 0)

    def test_the_map_counts_free_ranges_as_brute_force_does(self):
        path, page = self.page(self.file("scene.weir", scene(events=900).bytes()))
        data, opened = page.pool(), self.open(path)
        for moment in (1, 45, 200, 500, len(data.kinds)):
            mapped = [(offset, size) for offset, size, begin, lasts in data.mapped
                      if begin <= moment and (lasts == 0 or begin + lasts - 1 > moment)]  # fmt: skip
            used = set()
            for life in data.live(moment):
                used |= set(range(data.offset[life] // 512, (data.offset[life] + data.allocated[life]) // 512))
            ranges, run = [], 0
            granules = sorted(each for offset, size in mapped for each in range(offset // 512, (offset + size) // 512))
            for at, granule in enumerate(granules):
                if run and granules[at - 1] != granule - 1:
                    ranges.append(run)
                    run = 0
                if granule in used:
                    ranges.append(run)
                    run = 0
                else:
                    run += 1
            ranges = [each * 512 for each in [*ranges, run] if each]
            opened.run(f"weirReport.pin({moment}, false); 0")
            opened.settle()
            opened.run("weirReport.panel.settle()")
            told = opened.run("document.getElementById('map-words').textContent")
            self.assertIn(f"{len(ranges):,} free range", told)
            self.assertIn(f"the largest has {words(max(ranges))}.", told)
            self.assertIn(words(sum(ranges)), told)

    def test_keys_pointer_and_buttons_move_it(self):
        path, page = self.page(self.file("scene.weir", scene().bytes()))
        opened = self.open(path)
        areas, end = opened.run(AREAS), opened.run("weirReport.view.end")
        peak = opened.run(MOMENT)
        self.assertEqual(page.pool().books()[peak - 1][0], page.model["pools"][0]["requested"]["peak"])
        opened.run("document.getElementById('chart').focus()")

        def view():
            opened.settle()
            return opened.run("weirReport.view.from"), opened.run("weirReport.view.to")

        opened.key("w")
        zoomed = view()
        self.assertLess(zoomed[1] - zoomed[0], end)
        opened.key("d")
        moved = view()
        self.assertGreater(moved[0], zoomed[0])
        opened.key("a")
        self.assertAlmostEqual(view()[0], zoomed[0], delta=end / 1000)
        opened.key("0")
        self.assertEqual(view(), (0, end))
        opened.key("e")
        self.assertEqual(view(), (0, len(page.pool().kinds)))
        opened.key("e")
        self.assertEqual(view(), (0, end))
        opened.key("ArrowRight")
        opened.settle()
        self.assertEqual(opened.run(MOMENT), peak + 1)
        self.assertIn("requested", opened.run("document.getElementById('said').textContent"))
        x, y = areas["left"] + areas["width"] / 2, areas["top"] + 40
        opened.mouse("mouseWheel", x, y, deltaX=0, deltaY=-400)
        near = view()
        self.assertLess(near[1] - near[0], end)
        self.assertAlmostEqual((near[0] + near[1]) / 2, end / 2, delta=end / 100)
        opened.mouse("mousePressed", x, y, button="left", clickCount=1)
        opened.mouse("mouseMoved", x - 100, y, button="left", buttons=1)
        opened.mouse("mouseReleased", x - 100, y, button="left", clickCount=1)
        self.assertGreater(view()[0], near[0])
        opened.run("document.getElementById('whole').click()")
        self.assertEqual(view(), (0, end))
        opened.mouse("mousePressed", x, y, button="left", clickCount=1)
        opened.mouse("mouseReleased", x, y, button="left", clickCount=1)
        opened.settle()
        self.assertNotEqual(opened.run("weirReport.pinned"), peak + 1)
        self.quiet(opened)

    def test_light_dark_and_a_phones_width(self):
        made = scene(events=500)
        for number in range(3):  # wider than a phone
            name = f"/a/very/long/path/of/a/program_{number}.py:7 " + "and_a_function_with_a_name_that_says_all" * 2
            made.allocate(10**10, 10**6 + number, MIB, 0x7F0000000000, tag=made.tag(name))
        path, _ = self.page(self.file("scene.weir", made.bytes({1: 5})))
        grounds = set()
        for looks in ({}, {"dark": True}, {"width": 360, "height": 740, "scale": 2, "mobile": True}):
            opened = self.open(path, **looks)
            grounds.add(opened.run("getComputedStyle(document.body).backgroundColor"))
            width = opened.run("document.documentElement.scrollWidth")
            self.assertLessEqual(width, looks.get("width", 1280), looks)
            self.assertGreater(opened.run("document.getElementById('map').width"), 200)
            self.quiet(opened)
        self.assertEqual(len(grounds), 2)

    def test_every_format_is_shown(self):
        files = [self.file("a.csv", intervals((0, 10, 5 * MIB), (2, 8, 3 * MIB)))]
        files.append(self.file("no.weir", Writer("none").bytes()))
        if TRACES.is_dir():
            log = "torch26/torch26_small_fixed_two_threads_rmm.csv.gz"
            names = ("pytorch/niu_fwdbwd_200.pickle", "idealloc/pangu_2.6B.csv", log)
            files += [str(TRACES / name) for name in names if (TRACES / name).exists()]
        for name in files:
            path, page = self.page(name)
            opened = self.open(path)
            shown = opened.run("document.getElementById('facts').innerText")
            self.assertIn(words(page.model["pools"][0]["requested"]["peak"]), shown, name)
            self.quiet(opened)

    def test_hostile_names_stay_text(self):
        made = Writer(HOSTILE[0])
        for number, name in enumerate(HOSTILE):
            made.allocate(1000 + number, number + 1, 5000 + number, 0x10000 * (number + 1), tag=made.tag(name))
        path, _ = self.page(self.file("hostile.weir", made.bytes({1: 5})))
        opened = self.open(path)
        areas = opened.run(AREAS)
        opened.mouse("mouseMoved", areas["left"] + areas["width"] * 0.9, areas["top"] + 50)
        opened.settle()
        text = opened.run("document.body.innerText")
        self.assertIn("</script><script>document.title='owned'</script>", text)
        self.assertNotEqual(opened.run("document.title"), "owned")
        self.assertEqual(opened.run("document.querySelectorAll('img').length"), 0)
        self.quiet(opened)

    def test_numbers_at_their_bounds_are_shown(self):
        made, most = Writer("edge"), ((1 << 32) - 1) * 512
        for number, (size, address) in enumerate(((most, (1 << 64) - 512), (1, 0), (0, 1 << 63), (most, 512))):
            made.allocate((1 << 62) * number, number, size, address)
        path, _ = self.page(self.file("edge.weir", made.bytes()))
        opened = self.open(path)
        areas = opened.run(AREAS)
        for place in (0, 0.5, 1):
            opened.run("weirReport.view.whole()")
            x, y = areas["left"] + place * (areas["width"] - 1), areas["top"] + 50
            for _ in range(40):
                opened.mouse("mouseWheel", x, y, deltaX=0, deltaY=-400)
            opened.settle()
            opened.mouse("mouseMoved", x, y)
            opened.settle()
        self.assertIn(words(2 * most), opened.run("document.getElementById('facts').innerText"))
        self.quiet(opened)

    def test_the_network_is_forbidden(self):
        path, _ = self.page(self.file("scene.weir", scene(events=50).bytes()))
        opened = self.open(path)
        self.quiet(opened)
        self.assertEqual(opened.run("fetch('file:///etc/hostname').then(() => 'went', () => 'refused')"), "refused")
        self.assertTrue(any("Content Security Policy" in each for each in opened.complaints()), opened.complaints())


class Million(InBrowser):
    MOST_SECONDS, MOST_FRAME = 3.0, 50.2  # three frames of 60 a second are 50.1 ms

    def test_opens_and_moves_in_time(self):
        path, page = self.page(self.file("million.weir", million().bytes()))
        (pool,) = page.model["pools"]
        self.assertGreater(pool["allocations"] + pool["frees"], 980_000)
        best = None
        # Others' work on a shared machine makes a browser late, and never early.
        for _ in range(5):
            opened = browser.Browser()
            try:
                seconds = opened.open(path)
                frames = self.frames(opened)
                self.quiet(opened)
            finally:
                opened.__exit__()
            frames.sort()
            late = frames[int(0.95 * len(frames))]
            figures = (seconds, late)
            print(f"opened in {seconds:.2f} s; {len(frames)} frames, median {frames[len(frames) // 2]:.1f} ms, "
                  f"95 % within {late:.1f} ms, longest {frames[-1]:.1f} ms", file=sys.stderr)  # fmt: skip
            best = min(best or figures, figures, key=self.share)
            if best[0] <= self.MOST_SECONDS and best[1] <= self.MOST_FRAME:
                break
        had = self.processor()
        if self.share(best) > 1 and had < 0.9:
            self.skipTest(f"others have the processors: this test had {had:.0%} of one, and the page was not in time")
        self.assertLessEqual(best[0], self.MOST_SECONDS)
        self.assertLessEqual(best[1], self.MOST_FRAME)

    def processor(self):
        """The part of a processor that a program gets now, at its least."""
        least = 1.0
        for _ in range(5):
            began, used = time.monotonic(), time.process_time()
            while time.monotonic() < began + 0.2:
                pass
            least = min(least, (time.process_time() - used) / (time.monotonic() - began))
        return least

    def share(self, figures):
        """Of what is allowed; above 1 it is too slow."""
        return max(figures[0] / self.MOST_SECONDS, figures[1] / self.MOST_FRAME)

    def frames(self, opened):
        """Milliseconds from frame to frame while it is zoomed, moved and hovered over."""
        areas = opened.run(AREAS)
        x, y = areas["left"] + 0.6 * areas["width"], areas["top"] + 100
        opened.run("""window.frames_ = []; window.going = true; {
          let before = 0;
          const tick = (now) => {
            if (before) frames_.push(now - before);
            before = now;
            if (going) requestAnimationFrame(tick);
          };
          requestAnimationFrame(tick);
        } 0""")
        for deltas in ([(0, -60)] * 40, [(50, 0), (-30, 0)] * 30, [(0, 60)] * 40):
            for across, down in deltas:
                opened.mouse("mouseWheel", x, y, deltaX=across, deltaY=down)
        for step in range(40):
            opened.mouse("mouseMoved", x - 8 * step, y)
        opened.mouse("mousePressed", x, y, button="left", clickCount=1)
        for step in range(40):
            opened.mouse("mouseMoved", x - 5 * step, y, button="left", buttons=1)
        opened.mouse("mouseReleased", x, y, button="left")
        opened.settle()
        return opened.run("window.going = false; frames_")


if __name__ == "__main__":
    if browser.find() is None:
        print("SKIPPED: no Chromium is installed (Debian: chromium), so no report is opened in one")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v"])
