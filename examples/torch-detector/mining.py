"""Mining: images that the model is unsure about come first, for they teach most when they are labelled."""

from predict import predictions
from ymir_exc import result_writer


def run(cfg) -> None:
    scores = [(found.image_path, entropy(found.scores)) for found in predictions(cfg, "mining")]
    result_writer.write_mining_result(mining_result=scores)


def entropy(scores) -> float:
    """Predictive entropy in bits, summed over an image's peaks: highest at a score of 0.5, none at 0 and at 1."""
    chance = scores.clamp(1e-6, 1 - 1e-6)
    return float(-(chance * chance.log2() + (1 - chance) * (1 - chance).log2()).sum())
