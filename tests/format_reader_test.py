#!/usr/bin/python3
"""The second reader of the format (tools/format/read.py): it finds every entry of the golden files
and notices every flipped bit. Exit code 77: python3-xxhash is not there."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
READER = os.path.join(ROOT, "tools", "format", "read.py")
GOLDEN = os.path.join(ROOT, "tests", "golden", "version-2")
MANIFEST = os.path.join(GOLDEN, "manifest.json")

sys.path.insert(0, os.path.dirname(READER))
sys.dont_write_bytecode = True
try:
    import read
except ModuleNotFoundError as absent:
    print(f"SKIPPED format_reader_test: {absent}; the package is python3-xxhash")
    sys.exit(77)


def load_manifest():
    with open(MANIFEST, encoding="utf-8") as file:
        return {each["file"]: each["trees"] for each in read.json.load(file)["files"]}


def run_reader(*arguments):
    return subprocess.run([sys.executable, "-B", READER, *arguments], capture_output=True,
                          text=True, check=False)


class Copy:
    """A golden file and its log in a folder of their own; `remove` takes that away."""

    def __init__(self, name):
        self.folder = tempfile.TemporaryDirectory()
        for each in os.listdir(GOLDEN):
            if each.startswith(name):
                shutil.copyfile(os.path.join(GOLDEN, each), self.path(each))
        self.name = name

    def path(self, name=None):
        return os.path.join(self.folder.name, name or self.name)

    def flip(self, offset, bit, name=None):
        with open(self.path(name), "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << bit]))

    def remove(self):
        self.folder.cleanup()

    def segments(self):
        return sorted(each for each in os.listdir(self.folder.name) if "-wal." in each)


def is_noticed(copy, trees):
    """Whether anything shows that the file is not the golden one."""
    try:
        database = read.Database(copy.path())
    except read.Damaged:
        return True
    return bool(database.defects) or any(read.differences(database, trees))


class FormatReader(unittest.TestCase):
    def setUp(self):
        self.manifest = load_manifest()

    def test_every_entry_of_the_golden_files_is_found(self):
        answer = run_reader("--manifest", MANIFEST)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertEqual(len(answer.stdout.splitlines()), len(self.manifest))

    def test_a_flipped_bit_in_any_page_is_noticed(self):
        numbers = random.Random(1)
        bits = 0
        for name, trees in self.manifest.items():
            copy = Copy(name)
            meta = read.Database(copy.path()).meta
            free = free_pages(copy.path())
            for page in range(meta.page_count):
                if page in free:
                    continue
                # The metas take 8192 bytes; what follows them in a large page means nothing.
                size = meta.page_bytes if page >= meta.first_page else min(meta.page_bytes, 8192)
                for _ in range(4):
                    offset = page * meta.page_bytes + numbers.randrange(size)
                    bit = numbers.randrange(8)
                    copy.flip(offset, bit)
                    self.assertTrue(is_noticed(copy, trees), f"{name}: offset {offset}, bit {bit}")
                    copy.flip(offset, bit)
                    bits += 1
            self.assertFalse(is_noticed(copy, trees), name)
            copy.remove()
        print(f"{bits} bits flipped in pages")

    def test_a_flipped_bit_in_the_log_is_noticed(self):
        numbers = random.Random(2)
        trees = self.manifest["log.pinyon"]
        copy = Copy("log.pinyon")
        database = read.Database(copy.path())
        places = []
        for segment in copy.segments():
            data = read.Segment(copy.path(segment), int(segment[-20:]))
            places += [(segment, offset) for offset in range(0, 128, 16)]
            for batch in database.batches:
                offset = 4096 + batch.position - data.position
                if offset >= 4096 and read.Batch.at(data.data, offset, data.log_id):
                    places += [(segment, offset + at) for at in range(0, 64 + batch.length, 61)]
        self.assertGreater(len(places), 100)
        for segment, place in places:
            bit = numbers.randrange(8)
            copy.flip(place, bit, segment)
            self.assertTrue(is_noticed(copy, trees), f"{segment}: offset {place}, bit {bit}")
            copy.flip(place, bit, segment)
        self.assertFalse(is_noticed(copy, trees))
        copy.remove()
        print(f"{len(places)} bits flipped in the log")

    def test_a_missing_log_and_a_cut_file_are_damage(self):
        copy = Copy("log.pinyon")
        for segment in copy.segments():
            os.rename(copy.path(segment), copy.path("away"))
            self.assertTrue(is_noticed(copy, self.manifest["log.pinyon"]), segment)
            os.rename(copy.path("away"), copy.path(segment))
        self.assertEqual(run_reader(copy.path()).returncode, 0)
        os.remove(copy.path(copy.segments()[0]))
        self.assertEqual(run_reader(copy.path()).returncode, 3)
        copy.remove()
        copy = Copy("fixed.pinyon")
        os.truncate(copy.path(), os.path.getsize(copy.path()) - 1)
        answer = run_reader(copy.path())
        self.assertEqual(answer.returncode, 3)
        self.assertIn("cut", answer.stderr)
        copy.remove()

    def test_the_command_shows_a_file_and_its_trees(self):
        path = os.path.join(GOLDEN, "slotted.pinyon")
        self.assertIn("tree 'paths': string to string, slotted, 500 entries",
                      run_reader(path).stdout)
        self.assertEqual(len(run_reader(path, "--tree", "paths").stdout.splitlines()), 500)
        self.assertEqual(run_reader(path, "--tree", "none").returncode, 1)
        self.assertEqual(run_reader(path + ".absent").returncode, 4)
        self.assertEqual(run_reader().returncode, 2)
        self.assertEqual(run_reader(READER).returncode, 3)

    def test_a_manifest_that_says_otherwise_is_noticed(self):
        trees = self.manifest["slotted.pinyon"]
        database = read.Database(os.path.join(GOLDEN, "slotted.pinyon"))
        self.assertFalse(list(read.differences(database, trees)))
        trees[0]["entries"][3][1] = "00"
        del trees[1]["entries"][5]
        self.assertEqual(len(list(read.differences(database, trees))), 2)


def free_pages(path):
    """Pages that mean nothing: no owner but the free set, in any state."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    metas, _ = read.read_metas(data)
    states = [read.State(data, meta) for meta in metas]
    used = {page for state in states for page, what in state.owner.items()
            if what not in ("free", "pending")}
    return set(range(metas[0].first_page, metas[0].page_count)) - used


if __name__ == "__main__":
    unittest.main(verbosity=2)
