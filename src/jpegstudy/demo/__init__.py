"""The study's own image set and the network trained on it: drawn and trained here, so nothing is downloaded.

scenes draws an image from a seed and an index, image_files keeps images as JPEG files, training fits a network.
"""
