"""The Merkle tree against the definition and the known answers of RFC 6962."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracesvc.domain.merkle import (
    EMPTY_ROOT,
    Node,
    extend,
    frontier,
    leaf_hash,
    node_hash,
    proof_ranges,
    range_hash,
    range_nodes,
    root,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The leaves of the test vectors that implementations of certificate transparency share."""

ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

sizes = st.integers(min_value=1, max_value=200)


def leaves(count):
    return [sha256(str(number).encode()).digest() for number in range(count)]


def by_definition(data):
    """MTH of RFC 6962, 2.1, word for word."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return leaf_hash(data[0])
    split = 1
    while split * 2 < len(data):
        split *= 2
    return node_hash(by_definition(data[:split]), by_definition(data[split:]))


def grown(data, cut=0):
    """Every complete subtree of a tree that grew in two steps."""
    nodes = dict(extend(0, {}, data[:cut]))
    edge = {node: nodes[node] for node in frontier(cut)}
    return nodes | dict(extend(cut, edge, data[cut:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size):
    """The first eight trees have the roots that every implementation agrees on."""
    assert root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_a_tree_without_leaves_has_the_hash_of_nothing():
    """The root over no leaves is SHA-256 of the empty string."""
    assert root([]) == EMPTY_ROOT == range_hash(0, 0, {}.__getitem__)


@given(sizes)
def test_root_is_the_recursive_definition(size):
    """Folding level by level gives the tree that the recursive definition gives."""
    assert root(leaves(size)) == by_definition(leaves(size))


@given(sizes, st.data())
def test_a_tree_may_grow_in_any_steps(size, data):
    """The same nodes come to exist however the leaves are split, and each only once."""
    cut = data.draw(st.integers(0, size))
    nodes = grown(leaves(size), cut)

    assert nodes == grown(leaves(size))
    assert range_hash(0, size, nodes.__getitem__) == root(leaves(size))
    assert set(nodes) == {
        Node(level, place) for level in range(size.bit_length()) for place in range(size >> level)
    }


@given(sizes, st.data())
def test_every_old_root_can_be_computed_from_the_grown_tree(size, data):
    """Nodes of a larger tree give the root of every earlier size."""
    earlier = data.draw(st.integers(0, size))

    assert range_hash(0, earlier, grown(leaves(size)).__getitem__) == root(leaves(earlier))


@given(sizes, st.data())
def test_every_leaf_can_be_proven(size, data):
    """A proof made of stored nodes convinces a verifier that knows the root only."""
    index = data.draw(st.integers(0, size - 1))
    all_leaves, nodes = leaves(size), grown(leaves(size))
    hashes = [range_hash(a, b, nodes.__getitem__) for a, b in proof_ranges(index, size)]
    proven = {"index": index, "size": size, "hashes": hashes, "expected_root": root(all_leaves)}

    assert verify_inclusion(all_leaves[index], **proven)
    assert not verify_inclusion(b"another leaf", **proven)
    assert not verify_inclusion(all_leaves[index], **{**proven, "hashes": [*hashes, b"x" * 32]})
    assert not verify_inclusion(all_leaves[index], **{**proven, "index": size})


@given(st.integers(0, 300), st.integers(0, 300))
def test_range_nodes_cover_a_range_exactly(start, length):
    """The subtrees of a range lie side by side from its start to its end."""
    place = start
    for node in range_nodes(start, start + length):
        assert node.place << node.level == place
        place += 1 << node.level

    assert place == start + length


def test_a_leaf_outside_the_tree_has_no_proof():
    """Asking for a leaf that is not there is an error of the caller."""
    with pytest.raises(ValueError, match="no leaf 3"):
        proof_ranges(3, 3)
