"""Learned image codecs with real bit streams, as they are attacked and hardened.

codec       the codecs: a factorized prior, a scale hyperprior, a mean-scale hyperprior, and what they share
named       them by name: the study's small ones and those of CompressAI's zoo, with random weights
weights     from CompressAI's files, and from and to safetensors
distances   PSNR and MS-SSIM, image by image            rates   rate and distortion, and JPEG at the same rate

attack          within a mean squared error: the paper's, L2-PGD, I-FGSM, and noise of the same power
budget          what an attack may spend, measured in 8 bits
vulnerability   what a codec suffers from it, image by image, every reference named
jpeg_codec      JPEG under the same attacks, with one of its own, and the bound it keeps
training        from scratch                finetuning      on adversarial examples too
self_ensemble   the encoder's choice among eight ways to turn an image

layers      strided convolutions and generalized divisive normalization
densities   the likelihoods of latents, and the tables that follow from them
tables      integer tables, and symbols written and read by them
stream      a stream's header, and whole streams
pixels      grey levels and floats; padding to a codec's stride

codec = learned.load("weights.safetensors")         or learned.build(learned.shape_of("small"))
images = codec.reconstruct(images)                  uint8 (N, 3, H, W), what comes out
streams = codec.encode(images)                      bytes of each; codec.decode(streams[0]) is images[0]
coded = codec(x)                                    x from 0 to 1: coded.reconstruction, .images, .bits
x = codec.soft(x)                                   without quantization, for gradients; codec.soft_bits(x) likewise
attacked = ftda(codec, images, mse_budget=1e-4)     attacked.images; then measure(codec.reconstruct, images, ...)
"""

from jpegstudy.learned.codec import Codec, Coded, Shape
from jpegstudy.learned.distances import ms_ssim, psnr
from jpegstudy.learned.named import build, shape_of
from jpegstudy.learned.weights import load, made_with, save

__all__ = ["Codec", "Coded", "Shape", "build", "load", "made_with", "ms_ssim", "psnr", "save", "shape_of"]
