"""The layers that can be pruned, and their names.

prunable   the layers of a model, and what cannot be pruned with the reason
axes       which axes of a weight are its outputs and inputs, and its bias
naming     layer names as users know them
selector   ``SELECTOR=VALUE`` assignments to layers
codebook   the values that the weights of a layer share, if they do
grid       the uniform grid of these values, if they are on one
integers   the weights of integer kernels
"""
