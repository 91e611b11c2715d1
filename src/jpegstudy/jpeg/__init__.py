"""JPEG as the study sees it: what an image has lost when it comes back from a real encoder.

Images are uint8 tensors (N, 3, H, W), RGB, in grey levels. Quality is libjpeg's, 1 to 100.
"""

from jpegstudy.jpeg.libjpeg import roundtrip

__all__ = ["roundtrip"]
