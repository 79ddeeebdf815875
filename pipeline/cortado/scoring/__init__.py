"""Scoring: outputs of a model beside labels, or beside the outputs of another model.

formulas   accuracy, cross-entropy and the losses of Caffe
evaluate   accuracy and loss of a model
images     the images that changed models are measured on
judge      a changed model beside the dense one
"""
