"""Scoring: outputs of a model beside targets, or beside the outputs of another model.

metrics    the metrics, and the registry of them
losses     the losses of training, and the registry of them
formulas   accuracy, cross-entropy and the losses of Caffe
task       what a model is measured on and by
bind       how that is settled for a model and its data
evaluate   the metric and the loss of a model
references what the dense model gives, kept where it is small
gathered   statistics of samples, batch by batch
sums       what an evaluation adds up, batch by batch
judge      changed models beside the dense one
"""
