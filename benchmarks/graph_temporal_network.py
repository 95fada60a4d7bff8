"""The Temporal Network with a general graph library, as VCSL's aligner does it: what ours is timed against.

Nodes, edges and acceptance are those of `reprise.alignment.temporal_network`, which says where they come from; so are
the boxes, where no row of the map has equal cells. Edges are found with NumPy for two rows of the map at a time, the
rest is networkx.
"""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np

from reprise.alignment.aligned import Map
from reprise.alignment.boxes import Box, overlap

SOURCE = (-1, -1)


def find_boxes(
    similarity: Map,
    *,
    top_k: int = 5,
    max_step: int = 10,
    max_path: int = 10,
    min_similarity: float = 0.2,
    min_length: int = 5,
    max_iou: float = 0.3,
) -> list[Box]:
    """The boxes of `temporal_network.find_paths` in its order; ends are inclusive. The map is not empty."""
    graph, sink = network(similarity, top_k, max_step, min_similarity)
    accepted: list[Box] = []
    for _ in range(max_path + 1):
        longest = nx.dag_longest_path(graph)
        for before, after in pairwise(longest):
            graph.edges[before, after]["weight"] = 0.0
        path = [node for node in longest if node not in (SOURCE, sink)]
        if not path:
            break
        box = (*path[0], *path[-1])
        query_span, reference_span = box[2] - box[0], box[3] - box[1]
        if min(query_span, reference_span) <= min_length:
            continue
        score = sum(float(similarity[node]) for node in path) / ((query_span + reference_span) / 2)
        if score > min_similarity and all(overlap(box, other) < max_iou for other in accepted):
            accepted.append(box)
    return accepted


def network(similarity: Map, top_k: int, max_step: int, min_similarity: float) -> tuple[nx.DiGraph, tuple[int, int]]:
    """The graph and its sink; nodes are (query frame, reference frame), edges have a weight."""
    # As VCSL, in any order where cells of a row are equal: a stable sort would take longer.
    columns = np.argsort(-similarity, axis=1)[:, :top_k]
    best = np.take_along_axis(similarity, columns, axis=1)
    nodes = [[(query, reference) for reference in row] for query, row in enumerate(columns.tolist())]
    graph = nx.DiGraph()
    graph.add_node(SOURCE)
    for row in nodes:
        graph.add_nodes_from(row)
    height, width = columns.shape
    for query in range(height):
        sight = np.full(width, max_step - 1)  # how far each node of the row still sees
        for later in range(query + 1, min(query + max_step, height)):
            gaps = columns[later][:, None] - columns[query]  # [to, from]
            joined = (gaps >= 1) & (gaps <= sight) & (best[later] >= min_similarity)[:, None]
            for to, start in np.argwhere(joined).tolist():
                graph.add_edge(nodes[query][start], nodes[later][to], weight=float(best[later, to]))
            reached = joined.any(axis=1)
            if reached.any():
                in_sight = np.where(reached[:, None] & (gaps >= 1), gaps, max_step)
                sight = np.minimum(sight, in_sight.min(axis=0))
    sink: tuple[int, int] = nodes[-1][-1]
    for node in list(graph):
        if all(1 <= last - first <= max_step for first, last in zip(node, sink, strict=True)):
            graph.add_edge(node, sink, weight=0.0)
    return graph, sink
