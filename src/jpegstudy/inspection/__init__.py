"""One image, or a clean and an adversarial one, as a network sees it and its JPEGs: for ``jpegstudy inspect``.

    files, deep_files   a person's own file -> a Picture in the network's size
    perturbation        Adv of any epsilon, and how large a perturbation is
    answers             the table: what the network makes of the file and of its JPEGs
    in_words            that table as text, and the sentence that reads it

Images are (3, H, W) in grey levels, uint8 or, unrounded, float32.
"""

from jpegstudy import attacks, networks
from jpegstudy.inspection import in_words
from jpegstudy.inspection.answers import QUALITIES, answers
from jpegstudy.inspection.files import Picture, read, read_pair
from jpegstudy.inspection.perturbation import check_epsilon, move, size_of

__all__ = ["QUALITIES", "Picture", "answers", "check_epsilon", "inspect", "move", "read", "read_pair", "size_of"]


def inspect(
    image, adversarial=None, *, network="efficientnet_lite0", weights="DEFAULT", preprocessing=None, epsilons=(),
    whole=False,
):  # fmt: skip
    """Say what a network makes of a file and of its JPEGs: yields the parts of a text, each without a final line break.

    image: path of an image file; of the clean one where ``adversarial``, the path of another, is given.
    network: a networks.Network; or, with weights and preprocessing, a name as for networks.load.
    epsilons: grey levels, fractions too; for each, Adv of the image is made and inspected like an adversarial file.
    whole: take files of any size as they are, see ``files.read``.
    Raises BadInput for files that give no image, a pair of different sizes, an epsilon outside 0-255, and as
    networks.load.
    """
    for epsilon in epsilons:
        check_epsilon(epsilon)
    if isinstance(network, str):
        network = networks.load(network, weights, preprocessing=preprocessing)
    picture, partner = read_pair(image, adversarial, network, whole=whole)
    yield f"network {network.name}, weights {network.weights}; JPG(x) is of quality 75, 4:2:0, JPG95(x) of 95"
    clean = answers(network, picture)
    yield f"\nx: {picture.name}, {picture.told}\n\n{in_words.table(clean)}\n\n{in_words.survival(clean)}"
    others = {} if partner is None else {"x'": partner}
    sign = attacks.gradient_sign(network, picture.x[None])[0].cpu() if epsilons else None
    for epsilon in epsilons:
        symbol = f"Adv{epsilon:g}(x)"
        others[symbol] = Picture(symbol, move(picture.x, sign, epsilon=epsilon))
    for symbol, other in others.items():
        found = answers(network, other, symbol=symbol, clean_label=clean.label[0])
        told = f"{other.name}, {other.told}" if other.told else "made here from x by the Fast Gradient Sign method"
        if not other.told and not other.is_8_bit:
            told += ", in float; saving it rounds"
        yield f"\n{symbol}: {told}"
        size = size_of(picture.values if other.told else picture.x, other.values)
        yield f"{symbol} - x: {size}{', measured after the scaling' if 'scaled' in other.told else ''}"
        yield f"\n{in_words.table(found)}\n\n{in_words.restoration(clean, found)}"
