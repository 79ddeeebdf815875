"""Figures that describe one model.

describe   weights, zeros, distinct values, entropy and bytes of each layer
activity   how many units are active on images
fidelity   values of blobs beside known ones
"""
