"""The purpose of a model: its input transform, its outputs and how it was trained.

transform  pixels → inputs
presets    transforms by name, fitted to the input of a model
criteria   the losses and metrics of the training net
solver     the settings of Caffe's solvers
metadata   what is kept in the file between commands: transform, criteria, history
cut        values inside become the outputs
outputs    the output that is scored, and the logits behind it
"""
