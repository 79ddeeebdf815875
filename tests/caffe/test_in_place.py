"""Which layers may work in place; what Caffe 1.0 computes was compared with what it does apart."""

import pytest

from cortado.caffe import CaffeOptions
from cortado.caffe.in_place import check_in_place
from cortado.caffe.net import read_net
from cortado.errors import CortadoError


def check(kind, more=""):
    text = (
        'layer { name: "d" type: "Input" top: "d" } layer { name: "p" type: "Power" bottom: "d" '
        f'top: "p" }}\nlayer {{ name: "l" type: "{kind}" bottom: "p" top: "p" {more} }}'
    )
    check_in_place(read_net(text, CaffeOptions()).layers)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Convolution", ""),
        ("InnerProduct", ""),
        ("Pooling", ""),
        ("LRN", ""),
        ("Eltwise", ""),
        ("Eltwise", "eltwise_param { operation: MAX }"),
        ("Concat", 'bottom: "d"'),
        ("Slice", 'top: "s"'),
        ("Flatten", ""),
    ],
)
def test_what_caffe_gets_wrong_is_refused(kind, more):
    with pytest.raises(CortadoError) as error:
        check(kind, more)
    assert str(error.value) == (
        f"layer 'l' ({kind}, line 2): its top is its bottom, but Caffe cannot compute it in place"
    )


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("ReLU", ""),
        ("BatchNorm", ""),
        ("Scale", ""),
        ("Softmax", ""),
        ("Concat", ""),
        ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }"),
        ("Eltwise", "eltwise_param { operation: PROD }"),
        ("FromAFork", ""),
    ],
)
def test_what_caffe_gets_right_is_not(kind, more):
    check(kind, more)
