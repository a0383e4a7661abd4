"""A toy embedding that needs no model: texts that share pieces of words point the same way."""

import math
import re
import zlib

from schema import DIMENSIONS

_PIECE_LENGTH = 3


def embed(text: str) -> list[float]:
    """A vector of length 1, made of the text's three-letter pieces.

    It forgives endings and typing errors. For meaning, call a model here; nothing else changes.
    """
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        padded = f"^{word}$"
        for start in range(len(padded) - _PIECE_LENGTH + 1):
            piece = padded[start : start + _PIECE_LENGTH]
            vector[zlib.crc32(piece.encode()) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector] if length else vector
