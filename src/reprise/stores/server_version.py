"""What a Milvus server of a version must not be asked to do."""

from __future__ import annotations

import re

KEEPS_VECTORS_FROM = (2, 4)


def keeps_vectors(version: str) -> bool:
    """Whether vectors may be read under an index that does not hold them whole, such as IVF_SQ8.

    version: as the server tells it, e.g. "v2.3.5"; of one that cannot be told no. For such a read a server maps the
    segment's file of vectors into memory. Before 2.4 one whose files are on its own disk, as in docker-compose.yml,
    maps the only copy there is and unlinks it: with the next load all its vectors are lost. Told in
    https://github.com/milvus-io/milvus/issues/30651, seen with 2.3.5.
    """
    numbers = re.search(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= KEEPS_VECTORS_FROM
