"""Integer tables of probabilities, and the symbols that are coded by them, through constriction's range coder.

A table gives each whole number of a range a frequency of at least 1 of 65536, and one more to the escape: a symbol
outside the range is coded as the escape here and as its distance from the range at the end. So every symbol can be
coded, and what stands in a stream depends on whole numbers only.

The arrays are those of CompressAI's buffers: ``cdf`` int32 (T, L + 2), of each table first 0, then the cumulated
frequencies, the escape's last, then zeros; ``length`` int32 (T,), how many of these count; ``offset`` int32 (T,), the
first symbol of each.
"""

import zlib
from dataclasses import dataclass, field

import constriction
import numpy as np

from jpegstudy.errors import BadInput

TOTAL = 1 << 16  # the frequencies of a table add up to this
TAIL = 2.0**-16  # what may lie outside a table: less than a table can tell from nothing
WIDEST = 2048  # symbols on either side of the center
LARGEST = 1 << 28  # of a symbol's distance from its table's range
BLOWN_UP = "the codec's latents are not finite, or too large to be coded; its weights, or this image, blow up"
_CHUNK = 12  # bits of an escaped symbol that are coded at once

_model = constriction.stream.model
_UNIFORM = _model.Uniform()
_LENGTHS = _model.Uniform(32)


def frequencies(probabilities):
    """Whole numbers (L,) of at least 1 that add up to TOTAL, nearest to float64 probabilities (L,).

    What rounding and the floor of 1 take or leave is settled with the most frequent.
    """
    probabilities = np.maximum(np.asarray(probabilities, dtype=np.float64), 0)
    counts = np.maximum(np.rint(probabilities / probabilities.sum() * TOTAL).astype(np.int64), 1)
    while (surplus := counts.sum() - TOTAL) != 0:
        largest = counts.argmax()
        counts[largest] -= min(surplus, (counts[largest] + 1) // 2)  # never all of it
    return counts


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of a density, see the module's first lines."""

    cdf: np.ndarray
    length: np.ndarray
    offset: np.ndarray
    _models: dict = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, masses, offsets):
        """From the probabilities of each table's symbols, float64 (L,) each, and their first symbols.

        What they lack of 1 is the escape's.
        """
        counts = [frequencies(np.append(mass, max(1 - mass.sum(), 0))) for mass in masses]
        cdf = np.zeros((len(counts), 1 + max(map(len, counts))), dtype=np.int32)
        for row, count in zip(cdf, counts, strict=True):
            row[1 : 1 + len(count)] = count.cumsum()
        return cls(cdf, np.array([1 + len(c) for c in counts], dtype=np.int32), np.array(offsets, dtype=np.int32))

    def model(self, row):
        """constriction's model of table ``row``."""
        if row not in self._models:
            counts = np.diff(self.cdf[row, : self.length[row]])
            self._models[row] = _model.Categorical(counts / TOTAL, perfect=False)
        return self._models[row]

    def __reduce__(self):  # constriction's models can be neither copied nor pickled
        return Tables, (self.cdf, self.length, self.offset)


class Writer:
    """Symbols into a stream. Call it with each group in turn, then take ``words`` and ``check``."""

    def __init__(self):
        self.check = 0  # of the symbols: their CRC-32 as int64, group by group, cut to 16 bits after each
        self._coder = constriction.stream.queue.RangeEncoder()

    def __call__(self, symbols, rows, tables):
        """Write int64 ``symbols`` (K,), each by the table of its ``rows`` (K,); returns them.

        Raises BadInput if one is too far from its table to be written.
        """
        local = symbols - tables.offset[rows]
        escapes = tables.length[rows] - 2
        outside = (local < 0) | (local >= escapes)
        table_symbols = np.where(outside, escapes, local).astype(np.int32)
        for row, where in _grouped(rows):
            self._coder.encode(table_symbols[where], tables.model(row))
        if outside.any():
            local, escapes = local[outside], escapes[outside]
            excess = np.where(local < 0, -2 * local - 1, 2 * (local - escapes))  # odd below, even above
            if excess.max() >= 2 * LARGEST:
                raise BadInput(BLOWN_UP)
            self._numbers(excess)
        self.check = _checked(symbols, self.check)
        return symbols

    def _numbers(self, values):
        """Whole numbers from 0: the length of each + 1 in bits, then these but for the leading one."""
        lengths = _bit_lengths(values)
        self._coder.encode(lengths.astype(np.int32), _LENGTHS)
        for place in range(0, int(lengths.max()), _CHUNK):
            sizes = np.clip(lengths - place, 0, _CHUNK)
            chunk = ((values + 1) >> place) & ((1 << sizes) - 1)
            some = sizes > 0
            self._coder.encode(chunk[some].astype(np.int32), _UNIFORM, (1 << sizes[some]).astype(np.int32))

    @property
    def words(self):
        """The stream so far: bytes, a multiple of 4."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class Reader:
    """Symbols out of a stream, group by group as they were written."""

    def __init__(self, words):
        self.check = 0  # as the Writer has it
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(words, dtype="<u4").astype(np.uint32))

    def __call__(self, _, rows, tables):
        """The int64 symbols (K,) that were written by the tables of ``rows`` (K,).

        Raises BadInput where the stream cannot have been written by these tables.
        """
        try:
            symbols = self._read(rows, tables)
        except (AssertionError, ValueError) as error:  # what constriction raises for words that no encoder writes
            raise BadInput("the stream is damaged: its bits stand for no symbols of this codec") from error
        self.check = _checked(symbols, self.check)
        return symbols

    def _read(self, rows, tables):
        local = np.empty(len(rows), dtype=np.int64)
        for row, where in _grouped(rows):
            local[where] = self._coder.decode(tables.model(row), len(where))
        escapes = tables.length[rows] - 2
        outside = local == escapes
        if outside.any():
            excess = self._numbers(int(outside.sum()))
            local[outside] = np.where(excess % 2, -(excess + 1) // 2, escapes[outside] + excess // 2)
        return local + tables.offset[rows]

    def _numbers(self, count):
        lengths = self._coder.decode(_LENGTHS, count).astype(np.int64)
        values = np.int64(1) << lengths
        for place in range(0, int(lengths.max()), _CHUNK):
            sizes = np.clip(lengths - place, 0, _CHUNK)
            some = sizes > 0
            chunk = self._coder.decode(_UNIFORM, (1 << sizes[some]).astype(np.int32))
            values[some] += chunk.astype(np.int64) << place
        return values - 1


def _checked(symbols, before):
    return zlib.crc32(symbols.astype("<i8").tobytes(), before) & 0xFFFF


def _grouped(rows):
    """(row, the places where it stands) for each row that stands in rows (K,), in order."""
    order = np.argsort(rows, kind="stable")
    present, starts = np.unique(rows[order], return_index=True)
    return zip(present.tolist(), np.split(order, starts[1:]), strict=True) if len(rows) else ()


def _bit_lengths(values):
    """How many bits follow the leading one of values + 1, int64 from 0."""
    return np.frexp((values + 1).astype(np.float64))[1].astype(np.int64) - 1
