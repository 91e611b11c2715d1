"""Real streams of learned codecs: a header of 15 bytes, then the range coder's words.

    byte 0        0xA1: what follows is this format, in its first version
    bytes 1-4     the first four bytes of the codec's digest: other weights cannot read it
    bytes 5-6     height in pixels, little-endian, 1 to 65500
    bytes 7-8     width, likewise
    bytes 9-12    CRC-32 of all other bytes of the stream but the next two
    bytes 13-14   a checksum of the symbols: see ``tables.Writer``
    bytes 15-     32-bit words: the symbols of z where there is a hyperprior, then those of y, see ``tables``

The last two of the header's bytes tell when a decoder computes otherwise than the encoder did: a hyperprior's tables
follow from floats, and another machine or device may round them differently.
"""

import struct
import zlib

import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg.arguments import LARGEST_SIDE
from jpegstudy.learned.pixels import MOST_PIXELS, check_images, evaluating, from_grey, to_grey
from jpegstudy.learned.singly import one_thread, singly
from jpegstudy.learned.tables import Reader, Writer

FORMAT = 0xA1
HEADER = struct.Struct("<B4sHHIH")


@torch.no_grad()
def encode(codec, images):
    """The stream of each image uint8 (N, 3, H, W): a list of N bytes.

    Raises BadInput for other images, and where latents blow up so far that they cannot be coded.
    """
    check_images(images)
    digest = codec.digest()[:4]
    height, width = images.shape[2:]

    def stream_of(image):
        y = codec.analysis(from_grey(image).to(codec.device, codec.dtype))
        writer = Writer()
        codec.through(writer, y, y.shape[2:])
        words = writer.words
        check = zlib.crc32(words, zlib.crc32(_said(digest, height, width)))
        return HEADER.pack(FORMAT, digest, height, width, check, writer.check) + words

    with evaluating(codec):
        return singly(stream_of, images.split(1), codec.device)


@torch.no_grad()
def decode(codec, data):
    """The image of one stream, uint8 (3, H, W), on the codec's device.

    Raises BadInput, in one line, if these bytes are no stream, a damaged or cut one, or another codec's, or if this
    machine computes otherwise than the one that wrote it.
    """
    height, width, words, check = _opened(codec, data)
    scale = codec.shape.stride**codec.shape.layers
    shape = [-(-side // codec.stride) * codec.stride // scale for side in (height, width)]
    with evaluating(codec), one_thread():
        reader = Reader(words)
        latents = codec.through(reader, None, shape)
        if reader.check != check:
            raise BadInput(
                "the stream's symbols come out otherwise than its encoder wrote them: another machine or "
                "device rounds differently; decode it where it was made"
            )
        return to_grey(codec.synthesis(latents, (height, width)))[0]


def _opened(codec, data):
    """(height, width, words, the symbols' checksum) of a stream that is whole and this codec's."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise BadInput(f"the stream is of type {type(data).__name__}; wanted bytes")
    data = bytes(data)
    if len(data) < HEADER.size or data[0] != FORMAT:
        raise BadInput(f"these {len(data)} bytes are no stream of a learned codec: its header is missing")
    _, digest, height, width, check, of_symbols = HEADER.unpack_from(data)
    words = data[HEADER.size :]
    if zlib.crc32(words, zlib.crc32(_said(digest, height, width))) != check or len(words) % 4:
        raise BadInput(f"the stream of {len(data)} bytes is damaged or cut off: its checksum does not fit")
    own = codec.digest()[:4]
    if digest != own:
        raise BadInput(f"the stream was written by codec {digest.hex()}; this one, by its weights, is {own.hex()}")
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE and height * width <= MOST_PIXELS):
        raise BadInput(f"the stream names an image of {height}x{width} pixels, which no codec writes")
    return height, width, words, of_symbols


def _said(digest, height, width):
    """The header's part that the first checksum covers."""
    return struct.pack("<B4sHH", FORMAT, digest, height, width)
