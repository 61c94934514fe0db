#!/usr/bin/python3
"""Reads Pinyon files, as engine/FORMAT.md describes them, and nothing else.

A second reader: it was written from that page alone and shares nothing with the library, so that
where both agree on a file, the page says what is in it. It holds the whole file in memory and
verifies every byte that it looks at. The chapters below are those of the page.

    read.py FILE                     the metas, the trees, the space, the log
    read.py FILE --tree NAME         the entries of a tree: key and value in hexadecimal
    read.py --manifest MANIFEST      every file of a golden folder against its manifest

Exit codes: 0 fine, 1 a file differs from its manifest, 2 usage, 3 damage, 4 cannot be read.
Needs python3-xxhash.
"""

import argparse
import json
import os
import re
import struct
import sys

import xxhash


class Damaged(Exception):
    """The file contradicts the format."""


def require(condition, what_is_wrong):
    if not condition:
        raise Damaged(what_is_wrong)


def u16(data, at):
    return int.from_bytes(data[at:at + 2], "little")


def u32(data, at):
    return int.from_bytes(data[at:at + 4], "little")


def u48(data, at):
    return int.from_bytes(data[at:at + 6], "little")


def u64(data, at):
    return int.from_bytes(data[at:at + 8], "little")


def round_up(number, unit):
    return -(-number // unit) * unit


def is_zero(data):
    return not any(data)


def text(data):
    """Names are mostly UTF-8; other bytes survive as well."""
    return data.decode("utf-8", "backslashreplace")


# --- Checksums -----------------------------------------------------------------------------------

GOLDEN_RATIO = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


class Seal:
    """The checksums of one file: seeded by its uuid and by the page that is sealed."""

    def __init__(self, uuid):
        self.seed = xxhash.xxh3_64_intdigest(uuid)

    def at(self, page):
        return self.seed ^ ((page + 1) * GOLDEN_RATIO & MASK)

    def full(self, page, data):
        return xxhash.xxh3_64_intdigest(data, seed=self.at(page))

    def short(self, page, data):
        """The low 32 bits; 0 is kept as 1."""
        return self.full(page, data) & 0xFFFFFFFF or 1


# --- Meta ----------------------------------------------------------------------------------------

COUNT_MAX = (1 << 61) - 1
PAGES_MAX = (1 << 48) - 1


class Root:
    """A root reference: 24 bytes."""

    def __init__(self, data):
        self.page, self.count, self.checksum, self.level = struct.unpack("<QQII", data)


class Meta:
    def __init__(self, block, slot):
        require(len(block) >= 256, "the file ends before the meta")
        require(block[0:8] == b"PINYON\r\n", "no magic")
        self.version = u32(block, 8)
        require(self.version == 2, f"format version {self.version}")
        checksum = xxhash.xxh3_64_intdigest(block[0:248])
        require(u64(block, 248) == checksum, "wrong checksum of the meta")
        require(is_zero(block[256:4096]), "bytes behind the meta")
        self.page_bytes = u32(block, 12)
        require(self.page_bytes in (4096, 8192, 16384, 32768), "impossible page size")
        require(u64(block, 16) == 0, "unknown incompatible feature")
        self.uuid = block[32:48]
        self.sequence = u64(block, 48)
        self.transaction = u64(block, 56)
        self.catalog = Root(block[64:88])
        self.page_count = u64(block, 88)
        self.free_first = u64(block, 96)
        self.free_pages = u64(block, 104)
        self.free_bytes = u64(block, 112)
        self.free_checksum = u64(block, 120)
        self.log_id = u64(block, 128)
        self.log_position = u64(block, 136)
        self.log_chain = u64(block, 144)
        self.log_first_segment = u64(block, 152)
        self.clean = bool(u32(block, 160) & 1)
        self.next_tree = u32(block, 164)
        require(is_zero(block[168:248]), "reserved bytes of the meta are set")
        require(self.sequence & 1 == slot, "the meta stands in the other's slot")
        for number in (self.sequence, self.transaction, self.log_position, self.log_first_segment):
            require(number <= COUNT_MAX, "a count of the meta is impossible")
        require(self.log_position % 8 == 0, "the log position is not a multiple of 8")
        require(self.transaction >= 1 and self.next_tree >= 1, "a number of the meta is 0")
        require(self.page_count <= PAGES_MAX, "impossible page count")

    @property
    def first_page(self):
        return 2 if self.page_bytes == 4096 else 1


def read_metas(data):
    """The valid metas, newest first, and why the others are not."""
    valid, defects = [], []
    for slot in (0, 1):
        try:
            valid.append(Meta(data[slot * 4096:(slot + 1) * 4096], slot))
        except Damaged as defect:
            defects.append(f"meta {slot}: {defect}")
    require(valid, "; ".join(defects))
    valid.sort(key=lambda meta: -meta.sequence)
    return valid, defects


# --- Nodes ---------------------------------------------------------------------------------------

FIXED_LEAF, FIXED_INNER, SLOTTED_LEAF, SLOTTED_INNER = 1, 2, 3, 4
FIXED, SLOTTED = 1, 2


class Schema:
    """What a tree's catalog record says about its nodes. Without a record: the catalog's own."""

    def __init__(self, page_bytes, tree=0, layout=SLOTTED, key_bytes=0, value_bytes=0,
                 value_alignment=1, minimum_degree=0):
        self.page_bytes = page_bytes
        self.tree = tree
        self.layout = layout
        self.value_bytes = value_bytes
        if layout == FIXED:
            require(1 <= key_bytes <= page_bytes // 8, "impossible width of keys")
            require(1 <= value_bytes <= page_bytes // 4 - key_bytes, "impossible width of values")
            require(value_alignment in (1, 2, 4, 8, 16), "impossible alignment")
            self.place_columns(key_bytes, value_alignment, minimum_degree)
        else:
            require(layout == SLOTTED and minimum_degree == 0, "impossible layout")

    def place_columns(self, w, alignment, degree):
        """The offsets of the fixed layout."""
        self.w = w
        self.e = next(e for e in (1, 2, 4, 8) if e >= w or e == 8)
        self.n = 1 if w <= 8 else -(-w // 8)
        s = self.e * self.n
        self.f = round_up(s, 8)
        self.keys = 48 + 2 * self.f
        room = self.page_bytes - self.keys

        def values(c):
            return round_up(self.keys + c * s, alignment)

        def checksums(c):
            return round_up(self.keys + c * (s + 12), 4)

        self.leaf_capacity = room // (s + self.value_bytes)
        while values(self.leaf_capacity) + self.leaf_capacity * self.value_bytes > self.page_bytes:
            self.leaf_capacity -= 1
        self.inner_capacity = room // (s + 16)
        while checksums(self.inner_capacity) + self.inner_capacity * 4 > self.page_bytes:
            self.inner_capacity -= 1
        if degree:
            require(2 <= degree and 2 * degree - 1 <= self.leaf_capacity and
                    2 * degree <= self.inner_capacity, "impossible minimum degree")
            self.leaf_capacity = 2 * degree - 1
            self.inner_capacity = 2 * degree
        self.values = values(self.leaf_capacity)
        self.children = self.keys + self.inner_capacity * s
        self.checksums = checksums(self.inner_capacity)


class Child:
    """An inner entry: a packed child and its checksum."""

    def __init__(self, packed, checksum):
        self.page = u48(packed, 0)
        self.count = u48(packed, 6)
        self.checksum = checksum


class Node:
    """The header that both layouts share. `keys` are whole, in normal form; of an inner node, key 0
    is the lower fence. `values` of a leaf are pairs: bytes, and whether they are a reference."""

    def __init__(self, page, schema, level):
        self.page = page
        self.schema = schema
        self.level = level
        self.count = u32(page, 4)
        self.born = u64(page, 24)
        self.lower_bytes, self.upper_bytes = u16(page, 40), u16(page, 42)
        fences = u16(page, 38)
        require(fences <= 3 and u16(page, 46) == 0, "impossible header")
        self.has_upper, self.has_lower = not fences & 1, not fences & 2
        require(self.has_lower or self.lower_bytes == 0, "an open fence has bytes")
        require(self.has_upper or self.upper_bytes == 0, "an open fence has bytes")
        kind = {(FIXED, False): FIXED_LEAF, (FIXED, True): FIXED_INNER,
                (SLOTTED, False): SLOTTED_LEAF, (SLOTTED, True): SLOTTED_INNER}[
                    (schema.layout, level > 0)]
        require(u64(page, 16) == kind | level << 8 | schema.tree << 32, "not the node that is due")
        if schema.layout == FIXED:
            self.read_fixed()
        else:
            self.read_slotted()
        self.require_order()

    # Fixed layout.

    def column_key(self, numbers):
        """The normal form of a key from its words."""
        w, e = self.schema.w, self.schema.e
        if w <= 8:
            require(numbers[0] < 1 << 8 * w, "a key is wider than its type")
            return numbers[0].to_bytes(w, "big")
        whole = b"".join(number.to_bytes(e, "big") for number in numbers)
        require(is_zero(whole[w:]), "bytes behind a key")
        return whole[:w]

    def fence(self, at):
        return self.column_key([u64(self.page, at + 8 * i) for i in range(self.schema.n)])

    def read_fixed(self):
        s, page = self.schema, self.page
        require(is_zero(page[32:38]) and u16(page, 44) == 0, "fields of slots in a node of columns")
        require(self.lower_bytes == (s.w if self.has_lower else 0), "impossible lower fence")
        require(self.upper_bytes == (s.w if self.has_upper else 0), "impossible upper fence")
        self.lower = self.fence(48) if self.has_lower else None
        self.upper = self.fence(48 + s.f) if self.has_upper else None
        require(self.has_lower or is_zero(page[48:48 + s.f]), "bytes of an open fence")
        require(self.has_upper or is_zero(page[48 + s.f:s.keys]), "bytes of an open fence")
        c = s.inner_capacity if self.level else s.leaf_capacity
        require(self.count <= c, "more entries than fit")
        columns = [[int.from_bytes(page[s.keys + (word * c + i) * s.e:][:s.e], "little")
                    for i in range(self.count)] for word in range(s.n)]
        self.keys = [self.column_key(numbers) for numbers in zip(*columns)]
        if self.level:
            self.children = [Child(page[s.children + 12 * i:][:12], u32(page, s.checksums + 4 * i))
                             for i in range(self.count)]
        else:
            self.values = [(bytes(page[s.values + s.value_bytes * i:][:s.value_bytes]), False)
                           for i in range(self.count)]

    # Slotted layout.

    def read_slotted(self):
        page, end = self.page, self.schema.page_bytes
        slots_end, heap = u16(page, 32), u16(page, 34)
        require(self.lower_bytes <= end // 8 and self.upper_bytes <= end // 8, "impossible fence")
        fences = end - self.lower_bytes - self.upper_bytes
        self.lower = bytes(page[end - self.lower_bytes:end]) if self.has_lower else None
        self.upper = bytes(page[fences:end - self.lower_bytes]) if self.has_upper else None
        prefix = self.common_prefix()
        require(u16(page, 44) == len(prefix), "the prefix is not what the fences share")
        require(slots_end == 112 + 10 * self.count and slots_end <= heap, "slots meet the heap")
        heap_end = fences & ~3 if self.level else fences
        require(heap <= heap_end, "the heap passes the fences")
        self.keys, self.values, self.children, cells = [], [], [], []
        heads = []
        for i in range(self.count):
            cell, key_bytes, value_bytes, head = struct.unpack_from("<HHHI", page, 112 + 10 * i)
            is_reference, value_bytes = bool(value_bytes & 0x8000), value_bytes & 0x7FFF
            if self.level:
                require(value_bytes == 0 and not is_reference, "a separator with a value")
                require(cell % 4 == 0, "a cell is not aligned")
                key_at, size = cell + 16, round_up(16 + key_bytes, 4)
            else:
                key_at, size = cell, key_bytes + value_bytes
            require(heap <= cell and cell + size <= heap_end, "a cell outside the heap")
            key = bytes(page[key_at:key_at + key_bytes])
            require(head == int.from_bytes(key[:4].ljust(4, b"\0"), "big"), "a wrong head")
            heads.append(head)
            cells.append((cell, size))
            if self.level:
                self.children.append(Child(page[cell + 4:cell + 16], u32(page, cell)))
                require(i > 0 or key_bytes == 0, "separator 0 has a key")
                key = prefix + key if i else self.lower or b""
            else:
                value = bytes(page[key_at + key_bytes:key_at + key_bytes + value_bytes])
                require(not is_reference or value_bytes == 32, "a reference has 32 bytes")
                self.values.append((value, is_reference))
                key = prefix + key
            self.keys.append(key)
        cells.sort()
        for (at, size), (following, _) in zip(cells, cells[1:]):
            require(at + size <= following, "cells overlap")
        require(u16(page, 36) == heap_end - heap - sum(size for _, size in cells), "wrong garbage")
        hints = [heads[(i + 1) * (self.count // 17)] if self.count > 32 else 0 for i in range(16)]
        require(list(struct.unpack_from("<16I", page, 48)) == hints, "wrong hints")

    def common_prefix(self):
        if self.lower is None or self.upper is None:
            return b""
        return os.path.commonprefix([self.lower, self.upper])

    def require_order(self):
        """Keys ascend between the fences."""
        keys = self.keys[1:] if self.level else self.keys
        for a, b in zip(keys, keys[1:]):
            require(a < b, "keys do not ascend")
        if keys:
            require(self.lower is None or keys[0] >= self.lower, "a key below the lower fence")
            require(self.upper is None or keys[-1] < self.upper, "a key above the upper fence")


# --- The file: trees, extents, the catalog, free space -------------------------------------------

RUN_BYTES_MAX = 1 << 26


class Reference:
    """An extent reference: 32 bytes."""

    def __init__(self, data):
        self.length, self.first, self.born, self.sums_checksum, self.pieces = struct.unpack(
            "<QQQII", data)


class Record:
    """The value of a catalog entry."""

    def __init__(self, data):
        require(len(data) == 128, "a record of another size")
        self.root = Root(data[0:24])
        (self.tree, self.minimum_degree, self.key_bytes, self.value_bytes, self.value_alignment,
         self.layout, reserved, self.flags, self.created) = struct.unpack_from(
             "<IIIIHBBIQ", data, 24)
        self.key_type = text(data[56:88].rstrip(b"\0"))
        self.value_type = text(data[88:120].rstrip(b"\0"))
        require(reserved == 0 and is_zero(data[120:128]) and self.flags <= 1,
                "an impossible record")

    def schema(self, page_bytes):
        if self.layout == SLOTTED:
            return Schema(page_bytes, self.tree)
        return Schema(page_bytes, self.tree, FIXED, self.key_bytes, self.value_bytes,
                      self.value_alignment, self.minimum_degree)


class Tree:
    def __init__(self, record, entries):
        self.record = record
        self.entries = entries  # keys in normal form -> values


class State:
    """The state of a file that one meta names; all of it, verified."""

    def __init__(self, data, meta):
        self.data = data
        self.meta = meta
        self.seal = Seal(meta.uuid)
        self.owner = {}  # page -> what it belongs to
        require(len(data) >= meta.page_count * meta.page_bytes, "the file has been cut")
        require(is_zero(data[8192:meta.first_page * meta.page_bytes]), "bytes behind both metas")
        self.trees = {}
        self.numbers = set()
        catalog = self.read_tree(Schema(meta.page_bytes), meta.catalog, "catalog")
        for name, value in catalog.items():
            self.trees[text(name)] = self.read_record(text(name), Record(value))
        self.read_space()

    def own(self, first, count, what):
        require(self.meta.first_page <= first and count <= self.meta.page_count - first,
                f"{what}: pages outside the file")
        for page in range(first, first + count):
            require(page not in self.owner, f"page {page}: {what}, and {self.owner.get(page)}")
            self.owner[page] = what

    def pages(self, first, count):
        return self.data[first * self.meta.page_bytes:(first + count) * self.meta.page_bytes]

    # Trees.

    def read_tree(self, schema, root, what):
        require(root.level < 40 and root.checksum != 0, f"{what}: an impossible root")
        entries = {}
        count = self.read_node(schema, root, root.level, None, None, self.meta.transaction, True,
                               entries, what)
        require(count == root.count == len(entries), f"{what}: counts differ")
        return entries

    def read_node(self, schema, child, level, lower, upper, born_max, is_root, entries, what):
        """Adds the entries of a subtree; returns how many there are."""
        where = f"{what}: page {child.page}"
        self.own(child.page, 1, f"node of {what}")
        page = self.pages(child.page, 1)
        checksum = self.seal.short(child.page, page[4:])
        require(checksum == child.checksum, f"{where}: not what its parent means")
        require(checksum == u32(page, 0), f"{where}: wrong checksum")
        require(u64(page, 8) == child.page, f"{where}: the number of another page")
        try:
            node = Node(page, schema, level)
        except Damaged as defect:
            raise Damaged(f"{where}: {defect}") from None
        require(1 <= node.born <= born_max, f"{where}: born after its parent")
        require((node.lower, node.upper) == (lower, upper), f"{where}: other fences")
        if level == 0:
            require(node.count > 0 or is_root, f"{where}: an empty leaf")
            for key, (value, is_reference) in zip(node.keys, node.values):
                entries[key] = self.read_large(Reference(value), node.born, where) \
                    if is_reference else value
            return node.count
        require(node.count >= 2, f"{where}: fewer than two children")
        total = 0
        for i, below in enumerate(node.children):
            low = node.keys[i] if i else node.lower
            high = node.keys[i + 1] if i + 1 < node.count else node.upper
            count = self.read_node(schema, below, level - 1, low, high, node.born, False, entries,
                                   what)
            require(count == below.count, f"{where}: child {i} has another count")
            total += count
        return total

    # Extents.

    def read_run(self, reference, length, where):
        page_bytes = self.meta.page_bytes
        d = -(-length // page_bytes)
        sum_pages = -(-4 * d // page_bytes)
        self.own(reference.first, d + sum_pages, "a large value")
        sums = self.pages(reference.first + d, sum_pages)
        require(self.seal.short(reference.first + d, sums) == reference.sums_checksum,
                f"{where}: the checksums of a large value fail their own")
        require(is_zero(sums[4 * d:]), f"{where}: bytes behind the checksums of a large value")
        for i in range(d):
            require(self.seal.short(reference.first + i, self.pages(reference.first + i, 1)) ==
                    u32(sums, 4 * i), f"{where}: page {reference.first + i} fails its checksum")
        run = self.pages(reference.first, d)
        require(is_zero(run[length:]), f"{where}: bytes behind a large value")
        return bytes(run[:length])

    def read_large(self, reference, born_max, where):
        require(1 <= reference.length <= 1 << 40 and 1 <= reference.born <= born_max and
                reference.pieces == -(-reference.length // RUN_BYTES_MAX),
                f"{where}: an impossible reference")
        if reference.pieces == 1:
            return self.read_run(reference, reference.length, where)
        pieces = self.read_run(reference, 32 * reference.pieces, where)
        value = b""
        for i in range(reference.pieces):
            piece = Reference(pieces[32 * i:32 * i + 32])
            expected = min(RUN_BYTES_MAX, reference.length - i * RUN_BYTES_MAX)
            require((piece.length, piece.pieces, piece.born) == (expected, 1, reference.born),
                    f"{where}: an impossible piece")
            value += self.read_run(piece, piece.length, where)
        return value

    # The catalog.

    def read_record(self, name, record):
        require(1 <= record.tree < self.meta.next_tree and record.tree not in self.numbers,
                f"tree '{name}': an impossible number")
        require(1 <= record.created <= self.meta.transaction, f"tree '{name}': not created yet")
        self.numbers.add(record.tree)
        schema = record.schema(self.meta.page_bytes)
        entries = self.read_tree(schema, record.root, f"tree '{name}'")
        for key, value in entries.items():
            require(record.key_bytes in (0, len(key)) and record.value_bytes in (0, len(value)),
                    f"tree '{name}': an entry of another width")
        return Tree(record, entries)

    # The free-space image.

    def read_space(self):
        self.free = self.pending = self.free_runs = 0
        if self.meta.free_pages:
            self.own(self.meta.free_first, self.meta.free_pages, "the free-space image")
            run = self.pages(self.meta.free_first, self.meta.free_pages)
            require(self.meta.free_bytes <= len(run), "the free-space image is longer than its run")
            image = run[:self.meta.free_bytes]
            require(self.seal.full(self.meta.free_first, image) == self.meta.free_checksum,
                    "the free-space image fails its checksum")
            require(is_zero(run[len(image):]), "bytes behind the free-space image")
            self.read_image(image)
        for page in range(self.meta.first_page, self.meta.page_count):
            require(page in self.owner, f"page {page} has no owner")

    def read_image(self, image):
        require(len(image) >= 40, "a free-space image without its header")
        self.free_runs, pending_runs, free_pages, pending_pages, words = struct.unpack_from(
            "<5Q", image, 0)
        if words:
            require(40 + 8 * words + 32 * pending_runs == len(image), "an image of another length")
            runs = runs_of_bitmap(image[40:40 + 8 * words])
            require(len(runs) == self.free_runs, "the image counts other runs")
        else:
            require(40 + 16 * self.free_runs + 32 * pending_runs == len(image),
                    "an image of another length")
            runs = [struct.unpack_from("<2Q", image, 40 + 16 * i) for i in range(self.free_runs)]
        for (first, count), (following, _) in zip(runs, runs[1:]):
            require(first + count < following, "free runs touch")
        for first, count in runs:
            require(count > 0, "an empty run")
            self.own(first, count, "free")
            self.free += count
        end = 0
        for i in range(pending_runs):
            first, count, born, retired = struct.unpack_from(
                "<4Q", image, len(image) - 32 * (pending_runs - i))
            require(count > 0 and first >= end, "pending runs overlap")
            require(born < retired <= self.meta.transaction, "a pending run of no state")
            end = first + count
            self.own(first, count, "pending")
            self.pending += count
        require((self.free, self.pending) == (free_pages, pending_pages),
                "the image counts other pages")


def runs_of_bitmap(words):
    runs = []
    for page in range(8 * len(words)):
        if words[page // 8] >> page % 8 & 1:
            if runs and runs[-1][0] + runs[-1][1] == page:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((page, 1))
    return runs


# --- The log -------------------------------------------------------------------------------------

SEGMENT_BYTES_MAX = 1 << 26
PAYLOAD_MAX = (1 << 24) + (1 << 16)


class Segment:
    """A file of batches. Without a valid header nothing in it counts, but it may hold proof."""

    def __init__(self, path, sequence):
        with open(path, "rb") as file:
            self.data = file.read(SEGMENT_BYTES_MAX)
        self.path = path
        self.sequence = sequence
        h = self.data[:128]
        self.valid = len(self.data) >= 4096 and h[0:8] == b"PINYONWL" and \
            u64(h, 120) == xxhash.xxh3_64_intdigest(h[0:120])
        if self.valid:
            require(u32(h, 8) == 1, f"{path}: log version {u32(h, 8)}")
            require(u64(h, 40) == sequence, f"{path}: it was renamed")
            self.uuid = h[16:32]
            (self.log_id, _, self.position, self.previous_end, self.previous_sequence,
             self.chain) = struct.unpack_from("<6Q", h, 32)
            require(self.previous_end == self.position, f"{path}: an impossible header")


class Batch:
    """The header of a batch, when one of this log stands at this offset with a right checksum."""

    @staticmethod
    def at(data, offset, log_id):
        h = data[offset:offset + 64]
        if len(h) < 64 or h[0:4] != b"PWAB":
            return None
        batch = Batch()
        batch.operations = u32(h, 4)
        (batch.position, batch.length, batch.transaction, batch.durable, batch.previous,
         batch.payload_checksum, batch.checksum) = struct.unpack_from("<7Q", h, 8)
        seed = log_id ^ ((batch.position + 1) * GOLDEN_RATIO & MASK)
        if xxhash.xxh3_64_intdigest(h[:56], seed=seed) != batch.checksum:
            return None
        if batch.length > PAYLOAD_MAX or batch.durable > batch.position:
            return None
        batch.end = batch.position + 64 + round_up(batch.length, 8)
        payload = data[offset + 64:offset + 64 + batch.length]
        checksum = xxhash.xxh3_64_intdigest(payload, seed=log_id ^ batch.position)
        whole = len(payload) == batch.length and checksum == batch.payload_checksum
        batch.payload = payload if whole else None
        return batch


def list_segments(path):
    pattern = re.compile(re.escape(os.path.basename(path)) + r"-wal\.(\d{20})")
    folder = os.path.dirname(path) or "."
    found = []
    for name in sorted(os.listdir(folder)):
        match = pattern.fullmatch(name)
        if match and int(match[1]) > 0:
            found.append(Segment(os.path.join(folder, name), int(match[1])))
    return found


def read_log(path, meta, position_floor):
    """The batches that go on from the meta, in order. `position_floor`: of the other meta."""
    all_segments = list_segments(path)
    if meta.clean:
        return []
    segments = [s for s in all_segments if s.valid and s.log_id == meta.log_id]
    for segment in segments:
        require(segment.uuid == meta.uuid, f"{segment.path}: of another database")
    segments = [s for i, s in enumerate(segments)
                if i + 1 == len(segments) or segments[i + 1].position > meta.log_position]
    require(segments and segments[0].position <= meta.log_position, "the log is missing")
    position, chain, transaction = meta.log_position, meta.log_chain, meta.transaction
    batches, index = [], 0
    while True:
        segment = segments[index]
        batch = Batch.at(segment.data, 4096 + position - segment.position, meta.log_id)
        if batch and batch.position == position and batch.payload is not None:
            require(batch.previous == chain, f"{segment.path}: a batch that does not follow")
            require(batch.transaction == transaction + 1,
                    f"{segment.path}: another transaction is due")
            batches.append(batch)
            position, chain, transaction = batch.end, batch.checksum, batch.transaction
        elif index + 1 < len(segments) and segments[index + 1].position == position:
            index += 1
            require(segments[index].chain == chain, f"{segments[index].path}: it does not follow")
        else:
            break
    # Was the log durable beyond its end? Then this is no torn tail.
    proof = position_floor > position or any(s.position > position for s in segments[index + 1:])
    for segment in [s for s in all_segments if not s.valid] + segments[index:index + 1]:
        for offset in range(0, len(segment.data) - 63, 8):
            batch = Batch.at(segment.data, offset, meta.log_id)
            proof = proof or (batch is not None and batch.durable > position)
    require(not proof, f"the log is damaged at position {position}")
    return batches


# Payload.

class Payload:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def byte(self):
        require(self.at < len(self.data), "the payload ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        number = shift = 0
        while True:
            part = self.byte()
            number |= (part & 0x7F) << shift
            if not part & 0x80:
                require(part != 0 or shift == 0, "a number in a longer form")
                require(number <= MASK, "a number is out of range")
                return number
            shift += 7
            require(shift < 70, "a number is out of range")

    def bytes(self):
        length = self.varint()
        require(length <= len(self.data) - self.at, "a length passes the end of the payload")
        self.at += length
        return bytes(self.data[self.at - length:self.at])


def apply_batch(batch, trees, next_tree, page_bytes):
    """Does to `trees` (name -> Tree) what the batch says; returns the next number of a tree."""
    payload = Payload(batch.payload)
    names = {tree.record.tree: name for name, tree in trees.items()}
    for _ in range(batch.operations):
        operation, number = payload.byte(), payload.varint()
        if operation == 4:
            require(number == next_tree, "a created tree has another number")
            name, tree = read_creation(payload, number)
            tree.record.schema(page_bytes)
            require(name not in trees, "a tree is created that is there")
            trees[name], names[number], next_tree = tree, name, next_tree + 1
            continue
        require(number in names, "a tree is changed that is not there")
        entries = trees[names[number]].entries
        if operation == 1:
            key = payload.bytes()
            entries[key] = payload.bytes()
        elif operation == 2:
            require(entries.pop(payload.bytes(), None) is not None, "an absent key is erased")
        elif operation == 3:
            bounds = payload.byte()
            require(bounds <= 3, "a range with unknown bounds")
            lower = payload.bytes() if bounds & 1 else None
            upper = payload.bytes() if bounds & 2 else None
            for key in [k for k in entries if (lower is None or k >= lower) and
                        (upper is None or k < upper)]:
                del entries[key]
        elif operation == 5:
            del trees[names.pop(number)]
        elif operation == 6:
            to = text(payload.bytes())
            require(to not in trees, "a tree is renamed to one that is there")
            trees[to] = trees.pop(names[number])
            names[number] = to
        else:
            raise Damaged(f"operation {operation} is unknown")
    require(payload.at == len(payload.data), "bytes behind the last operation")
    return next_tree


def read_creation(payload, number):
    name = text(payload.bytes())
    layout = payload.byte()
    key_bytes, value_bytes, alignment, degree = (payload.varint() for _ in range(4))
    key_type, value_type = payload.bytes(), payload.bytes()
    require(len(key_type) <= 32 and len(value_type) <= 32, "a type's name is too long")
    record = bytes(24) + struct.pack("<IIIIHBBIQ32s32sQ", number, degree, key_bytes, value_bytes,
                                     alignment, layout, 0, 0, 0, key_type, value_type, 0)
    return name, Tree(Record(record), {})


# --- Reading a file ------------------------------------------------------------------------------


class Database:
    """A file and its log, everything in memory; the state of the older meta is verified as well."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = memoryview(file.read())
        metas, self.defects = read_metas(data)
        self.meta = metas[0]
        require(len(metas) == 1 or (metas[0].uuid, metas[0].page_bytes) ==
                (metas[1].uuid, metas[1].page_bytes), "the metas are of two files")
        self.state = State(data, self.meta)
        self.trees = dict(self.state.trees)
        floor = max(meta.log_position for meta in metas)
        self.batches = read_log(path, self.meta, floor)
        next_tree = self.meta.next_tree
        for batch in self.batches:
            next_tree = apply_batch(batch, self.trees, next_tree, self.meta.page_bytes)
        if len(metas) == 2:  # its state and its log are there to fall back on
            State(data, metas[1])
            read_log(path, metas[1], floor)


# --- The command ---------------------------------------------------------------------------------


def show(path, database):
    meta, state = database.meta, database.state
    print(f"{path}: version {meta.version}, pages of {meta.page_bytes} bytes, transaction "
          f"{meta.transaction}, {'closed' if meta.clean else 'not closed'}")
    for defect in database.defects:
        print(f"  damaged {defect}")
    print(f"  {meta.page_count} pages: {state.free} free in {state.free_runs} runs, "
          f"{state.pending} pending")
    print(f"  {len(database.batches)} batches in the log")
    for name, tree in sorted(database.trees.items()):
        record = tree.record
        layout = "fixed" if record.layout == FIXED else "slotted"
        print(f"  tree {name!r}: {record.key_type} to {record.value_type}, {layout}, "
              f"{len(tree.entries)} entries")


def matches(value, expected):
    if isinstance(expected, str):
        return value.hex() == expected
    return len(value) == expected["bytes"] and \
        xxhash.xxh3_64_hexdigest(value) == expected["xxh3_64"]


def differences(database, trees):
    """What of the trees of a manifest the database does not hold, in words."""
    if sorted(database.trees) != sorted(tree["name"] for tree in trees):
        yield f"trees {sorted(database.trees)}"
        return
    for expected in trees:
        tree = database.trees[expected["name"]]
        if (tree.record.key_type, tree.record.value_type) != (expected["key_type"],
                                                              expected["value_type"]):
            yield f"tree {expected['name']!r}: other types"
        entries = dict(tree.entries)
        for key, value in expected["entries"]:
            found = entries.pop(bytes.fromhex(key), None)
            if found is None or not matches(found, value):
                yield f"tree {expected['name']!r}: key {key}"
        for key in entries:
            yield f"tree {expected['name']!r}: key {key.hex()} is too much"


def compare_manifest(manifest_path):
    with open(manifest_path, encoding="utf-8") as file:
        manifest = json.load(file)
    require(manifest["schema"] == "pinyon.golden/1", "not a manifest of golden files")
    different = False
    for each in manifest["files"]:
        path = os.path.join(os.path.dirname(manifest_path), each["file"])
        found = list(differences(Database(path), each["trees"]))
        for difference in found:
            print(f"{path}: {difference}")
        entries = sum(len(tree["entries"]) for tree in each["trees"])
        print(f"{path}: {'differs' if found else f'{entries} entries as they should be'}")
        different = different or bool(found)
    return 1 if different else 0


def main():
    parser = argparse.ArgumentParser(description="Reads Pinyon files as FORMAT.md describes them.")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--tree")
    parser.add_argument("--manifest")
    arguments = parser.parse_args()
    if (arguments.file is None) == (arguments.manifest is None):
        parser.error("expected a file, or --manifest")
    try:
        if arguments.manifest:
            return compare_manifest(arguments.manifest)
        database = Database(arguments.file)
        if arguments.tree is None:
            show(arguments.file, database)
        elif arguments.tree not in database.trees:
            print(f"{arguments.file}: no tree {arguments.tree!r}", file=sys.stderr)
            return 1
        else:
            for key, value in sorted(database.trees[arguments.tree].entries.items()):
                print(f"{key.hex()}\t{value.hex()}")
    except Damaged as defect:
        print(f"read.py: {arguments.file or arguments.manifest}: {defect}", file=sys.stderr)
        return 3
    except OSError as failure:
        print(f"read.py: {failure}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
