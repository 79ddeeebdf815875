"""Reading solver.prototxt."""

import pytest

from cortado.caffe import CaffeOptions, read_solver, read_training_net
from cortado.errors import CortadoError

FIXED = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 7 '


def test_what_is_ignored_is_said():
    found = read_solver(FIXED + 'net: "a/b.prototxt" display: 1 snapshot: 3 random_seed: 9')
    assert found.notes == ("of the solver, these have no effect: display, snapshot",)
    assert (found.net, found.seed, found.solver.max_iter) == ("a/b.prototxt", 9, 7)
    assert read_solver(FIXED).seed is None


def test_the_state_of_the_trained_net():
    found = read_solver(FIXED + 'train_net: "t" train_state { level: 2 stage: "x" stage: "y" }')
    assert (found.net, found.state) == ("t", CaffeOptions({}, "TRAIN", 2, ("x", "y")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base_lr: 1", "lr_policy is ''; it must be one of fixed, step, exp"),
        (FIXED.replace("fixed", "cosine"), "lr_policy is 'cosine'"),
        (FIXED.replace("fixed", "step") + "gamma: 1", "'step' needs stepsize"),
        (FIXED.replace("fixed", "multistep") + "gamma: 1", "'multistep' needs stepvalue"),
        (FIXED.replace("0.1", "0"), "base_lr is 0.0; it must be positive"),
        (FIXED.replace("0.1", "nan"), "base_lr must be a number, not 'nan'"),
        (FIXED + 'type: "Lion"', "type is 'Lion'; it must be one of SGD, Nesterov"),
        (FIXED + 'type: "SGD" solver_type: ADAM', "both a type and a solver_type"),
        (FIXED + 'type: "AdaGrad" momentum: 0.9', "AdaGrad has no momentum"),
        (FIXED + "momentum: 1", "momentum not 0 to 1"),
        (FIXED + "weight_decay: -1", "weight_decay is negative"),
        (FIXED + 'regularization_type: "L3"', "regularization_type is 'L3'; it must be L1 or L2"),
        (FIXED + "iter_size: 0", "iter_size must be an integer of at least 1"),
        (FIXED + "max_iter: 8", "line 1: max_iter is given a second time"),
        (FIXED + "rms_decay: 1", "rms_decay and momentum2 must be 0 to 1"),
    ],
)
def test_what_is_no_solver_is_refused(text, message):
    with pytest.raises(CortadoError, match=message) as caught:
        read_solver(text)
    assert "\n" not in str(caught.value)


def test_what_the_net_says_of_training():
    net = """
    layer { name: "d" type: "Data" top: "x" include { phase: TRAIN } data_param { batch_size: 8 } }
    layer { name: "d" type: "Data" top: "x" include { phase: TEST } data_param { batch_size: 9 } }
    layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
            param { lr_mult: 3 } param { decay_mult: 0 } }
    """
    found = read_training_net(net, CaffeOptions(phase="TRAIN"))
    assert found.batch == 8
    first, second = found.params["ip"]
    assert (first.lr_mult, first.decay_mult, second.lr_mult, second.decay_mult) == (3, 1, 1, 0)


def test_the_old_way_to_say_it():
    net = 'layers { name: "c" type: CONVOLUTION blobs_lr: 2 blobs_lr: 0 weight_decay: 250 }'
    first, second = read_training_net(net, CaffeOptions()).params["c"]
    assert (first.lr_mult, first.decay_mult, second.lr_mult) == (2, 250, 0)
