"""The Merkle tree of RFC 6962: roots, complete subtrees of a growing log, and proofs of inclusion.

A node is named by its level (0 for leaves) and its place on that level; it covers the leaves
`place * 2**level` up to `(place + 1) * 2**level`. Nodes exist once all those leaves do and then
never change, so a log keeps them for ever and any root or proof is made of a few of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962, 2.1)."""


class Node(NamedTuple):
    """The place of one complete subtree."""

    level: int
    place: int


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf; the prefix keeps a leaf from passing for an inner node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf data in order.

    Folding level by level and lifting an odd last node unchanged gives the tree of RFC 6962, whose
    split is at the largest power of two below the size.
    """
    if not leaves:
        return EMPTY_ROOT
    row = [sha256(b"\x00" + data).digest() for data in leaves]
    while len(row) > 1:
        paired = [
            sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)
        ]
        row = paired + row[-1:] if len(row) % 2 else paired
    return row[0]


def frontier(size: int) -> list[Node]:
    """Return the complete subtrees that make up a tree of `size` leaves, left to right."""
    return range_nodes(0, size)


def range_nodes(start: int, end: int) -> list[Node]:
    """Return the largest complete subtrees that cover the leaves from `start` up to `end`."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def extend(
    size: int, known: Mapping[Node, bytes], leaves: Iterable[bytes]
) -> list[tuple[Node, bytes]]:
    """Return the nodes that come to exist when `leaves` are added to a tree of `size` leaves.

    `known` holds at least the frontier of that size. The answer is in the order in which the nodes
    become complete.
    """
    at_hand = dict(known)
    added: list[tuple[Node, bytes]] = []
    for offset, data in enumerate(leaves):
        node, digest = Node(0, size + offset), leaf_hash(data)
        at_hand[node] = digest
        added.append((node, digest))
        while node.place % 2:
            digest = node_hash(at_hand[Node(node.level, node.place - 1)], digest)
            node = Node(node.level + 1, node.place // 2)
            at_hand[node] = digest
            added.append((node, digest))
    return added


def proof_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the leaf ranges whose hashes form the audit path of leaf `index`, leaf upwards.

    This is PATH of RFC 6962, 2.1.1. Raises ValueError where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return ranges[::-1]


def range_hash(start: int, end: int, stored: Callable[[Node], bytes]) -> bytes:
    """Return the hash over the leaves from `start` up to `end` from complete subtrees.

    The range is one that `proof_ranges` names, or the whole tree from 0.
    """
    nodes = range_nodes(start, end)
    if not nodes:
        return EMPTY_ROOT
    digest = stored(nodes[-1])
    for node in reversed(nodes[:-1]):
        digest = node_hash(stored(node), digest)
    return digest


def verify_inclusion(
    data: bytes, *, index: int, size: int, hashes: Sequence[bytes], expected_root: bytes
) -> bool:
    """Tell whether `hashes` prove that `data` is leaf `index` of the tree with `expected_root`.

    The loop of RFC 9162, 2.1.3.2, which needs nothing but the proof.
    """
    if not 0 <= index < size:
        return False
    position, last, digest = index, size - 1, leaf_hash(data)
    for sibling in hashes:
        if last == 0:
            return False
        if position % 2 or position == last:
            digest = node_hash(sibling, digest)
            while position % 2 == 0 and position != 0:
                position >>= 1
                last >>= 1
        else:
            digest = node_hash(digest, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and digest == expected_root
