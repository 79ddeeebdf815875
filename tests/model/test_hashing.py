"""What the hash of a model depends on."""

import numpy as np

from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import replace_weights
from nets import if_net, mlp


def test_a_model_of_one_graph_has_the_hash_that_tables_of_older_versions_name():
    assert hash_model(mlp()) == "sha256:807e902e947c7c60f7c28b84"


def test_a_weight_in_a_branch_changes_the_hash():
    model = if_net()
    changed = replace_weights(model, {"w_else": np.zeros((4, 2), np.float32)})
    assert hash_model(model) == hash_model(if_net())
    assert hash_model(model) != hash_model(changed)
