"""Which layers a net has, how blobs connect them, and what the oldest formats become."""

import pytest

from cortado.caffe import CaffeOptions
from cortado.caffe.aliasing import overwritten_views
from cortado.caffe.heads import deploy
from cortado.caffe.in_place import check_in_place
from cortado.caffe.net import read_net
from cortado.errors import CortadoError
from cortado.task.solver import ParamSpec

KEPT = "remembered for evaluate and retrain"
DATA = 'layer { name: "data" type: "Input" top: "data" }\n'


def layer(name, bottom="data", top=None, kind="AbsVal", more=""):
    blobs = f'bottom: "{bottom}" top: "{top or name}"'
    return f'layer {{ name: "{name}" type: "{kind}" {blobs} {more} }}\n'


def net(text, **options):
    return read_net(text, CaffeOptions(**options))


def kept(rules, **options):
    text = DATA + layer("a", more=rules)
    return "a" in [spec.name for spec in net(text, **options).layers]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", True),
        ("include { phase: TEST }", True),
        ("include { phase: TRAIN }", False),
        ("include { phase: 1 }", True),
        ("exclude { phase: TEST }", False),
        ("include { phase: TRAIN } include { stage: 'deploy' }", True),
        ("include { stage: 'deploy' stage: 'other' }", False),
        ("include { phase: TEST not_stage: 'deploy' }", False),
        ("include { min_level: 2 max_level: 2 }", True),
        ("include { min_level: 3 }", False),
        ("exclude { max_level: 1 }", True),
    ],
)
def test_rules(rules, expected):
    assert kept(rules, level=2, stages=("deploy",)) is expected


def test_phase_of_the_user():
    assert kept("include { phase: TRAIN }", phase="TRAIN")


def test_in_place_versions():
    text = DATA + layer("a") + layer("b", "a", "a") + layer("c", "a", "a") + layer("d", "a")
    found = net(text)
    assert [spec.tops for spec in found.layers] == [
        ("data",), ("a/pre_b",), ("a/pre_c",), ("a",), ("d",)
    ]  # fmt: skip
    assert [spec.bottoms for spec in found.layers[1:]] == [
        ("data",), ("a/pre_b",), ("a/pre_c",), ("a",)
    ]  # fmt: skip
    assert found.outputs == ("d",)


def test_an_input_keeps_its_name():
    found = net(DATA + layer("a", "data", "data") + layer("b", "data", "data"))
    assert [spec.tops[0] for spec in found.layers] == ["data", "data/pre_b", "data/last"]


def test_outputs_are_in_byte_order():
    text = DATA + layer("zeta") + layer("alpha") + layer("Beta")
    assert net(text).outputs == ("Beta", "alpha", "zeta")


def test_shared_params():
    more = 'param { name: "w" lr_mult: 0 } param { share_mode: PERMISSIVE }'
    spec = net(DATA + layer("a", more=more)).layers[1]
    assert spec.params == (ParamSpec("w", lr_mult=0), ParamSpec(permissive=True))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            DATA + layer("a") + layer("b", "a", "a") + layer("c", "data", "a"),
            "layer 'c' (AbsVal, line 4): its top 'a' is the top of another layer already",
        ),
        (
            DATA + layer("a", "x"),
            "layer 'a' (AbsVal, line 2): its bottom 'x' is not the top of an earlier layer",
        ),
        (
            DATA + layer("a") + layer("b", "a") + layer("c", "a", "a"),
            "layer 'c' (AbsVal, line 4): it overwrites the blob 'a', which another layer reads too",
        ),
        (
            DATA + layer("a", more="include {} exclude {}"),
            "layer 'a' (AbsVal, line 2): it has both include and exclude rules",
        ),
        (DATA + "layers {}", "prototxt line 2: the net mixes `layer` and `layers`"),
        ("", "the prototxt has no layers for this phase, level and stages"),
        (
            'net: "x"',
            "the prototxt has no layers for this phase, level and stages; it is a solver",
        ),
        ("layer: 3", "prototxt line 1: layer must be a message in braces, not '3'"),
        (
            'layers { type: "x" }',
            "prototxt line 1: type must be one of the types of V1 layers, not 'x'",
        ),
        ('input: "a" input_dim: 1', "prototxt line 1: 1 inputs need 4 of input_dim, not 1"),
        (
            'input: "a" input: "b" input: "c" input_shape {} input_shape {}',
            "prototxt line 1: the net has 3 inputs and 2 shapes",
        ),
    ],
)  # fmt: skip
def test_refusals(text, reason):
    with pytest.raises(CortadoError) as error:
        net(text)
    assert str(error.value) == reason


V1 = """
input: "data" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2
         weight_decay: 250 param: "shared" convolution_param { num_output: 2 } }
layers { name: "r" type: 18 bottom: "c" top: "c" }
"""


def test_v1():
    found = net(V1)
    assert [spec.type for spec in found.layers] == ["Input", "Convolution", "ReLU"]
    assert found.layers[1].params == (ParamSpec("shared", decay_mult=250), ParamSpec(lr_mult=2))
    assert found.layers[1].message.messages("param")[0].integer("decay_mult", 1) == 250
    shape = found.layers[0].message.message("input_param").message("shape")
    assert shape.integers("dim") == (1, 2, 3, 4)


V0 = """
layers { layer { name: "d" type: "data" source: "x" meanfile: "m" scale: 0.5 batchsize: 8
                 cropsize: 4 }
         top: "data" }
layers { layer { name: "p" type: "padding" pad: 2 } bottom: "data" top: "padded" }
layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 biasterm: false blobs_lr: 1 }
         bottom: "padded" top: "c" }
layers { layer { name: "q" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "c" top: "q" }
layers { layer { name: "i" type: "innerproduct" num_output: 4 } bottom: "q" top: "i" }
"""  # fmt: skip


def test_v0():
    found = net(V0)
    assert [s.type for s in found.layers] == ["Data", "Convolution", "Pooling", "InnerProduct"]
    data, conv, pool, product = (spec.message for spec in found.layers)
    assert data.message("data_param").integer("batch_size", 0) == 8
    transform = data.message("transform_param")
    assert (transform.number("scale", 1), transform.text("mean_file")) == (0.5, "m")
    assert transform.integer("crop_size", 0) == 4
    settings = conv.message("convolution_param")
    assert settings.integers("pad") == (2,)
    assert settings.integers("kernel_size") == (3,)
    assert not settings.flag("bias_term", default=True)
    assert found.layers[1].bottoms == ("data",)
    assert pool.message("pooling_param").choice("pool", ("MAX", "AVE"), "MAX") == "AVE"
    assert product.message("inner_product_param").integer("num_output", 0) == 4


def test_v0_padding_needs_a_convolution_or_pooling():
    text = V0.replace('type: "conv"', 'type: "relu"')
    with pytest.raises(CortadoError, match="only conv and pool layers can read 'padded'"):
        net(text)


def test_transform_fields_leave_data_param():
    settings = "data_param { scale: 2 mirror: true batch_size: 1 }"
    text = f'layer {{ name: "d" type: "Data" top: "d" {settings} }}'
    message = net(text).layers[0].message
    assert message.message("transform_param").number("scale", 1) == 2
    assert not message.message("data_param").has("scale")


LABELLED = 'layer { name: "d" type: "Data" top: "data" top: "label" }\n'


def head(kind, bottom, top):
    blobs = f'bottom: "{bottom}" bottom: "label" top: "{top}"'
    return f'layer {{ name: "{top}" type: "{kind}" {blobs} }}\n'


def test_heads():
    text = (
        LABELLED
        + layer("ip")
        + head("Accuracy", "ip", "acc")
        + head("SoftmaxWithLoss", "ip", "loss")
    )
    found = deploy(net(text))
    assert [(s.name, s.type, s.bottoms, s.tops) for s in found.net.layers] == [
        ("d", "Data", (), ("data",)),
        ("ip", "AbsVal", ("data",), ("ip",)),
        ("loss", "Softmax", ("ip",), ("prob",)),
    ]
    assert found.net.outputs == ("prob",)
    assert found.notes == (
        f"dropped layer 'acc' (Accuracy), which scores 'ip'; {KEPT}",
        f"dropped layer 'loss' (SoftmaxWithLoss), which scores 'ip'; {KEPT}",
        "dropped input 'label', which leads to no output",
    )


def test_what_a_dropped_loss_scores_becomes_an_output():
    text = LABELLED + layer("ip") + layer("target", "label") + (
        'layer { name: "l" type: "EuclideanLoss" bottom: "ip" bottom: "target" top: "l" }'
    )  # fmt: skip
    found = deploy(net(text))
    assert found.net.outputs == ("ip",)
    assert [spec.name for spec in found.net.layers] == ["d", "ip"]


@pytest.mark.parametrize("kind", ["Accuracy", "EuclideanLoss", "SoftmaxWithLoss"])
def test_what_computes_with_a_loss_or_metric_is_dropped(kind):
    text = LABELLED + layer("ip") + head(kind, "ip", "loss") + layer("half", "loss", kind="Power")
    found = deploy(net(text))
    assert "half" not in [spec.name for spec in found.net.layers]
    assert "dropped layer 'half' (Power), which reads a loss" in found.notes


def test_the_second_top_of_an_infogain_loss_is_a_softmax_along_its_axis():
    text = LABELLED + layer("ip") + (
        'layer { name: "l" type: "InfogainLoss" bottom: "ip" bottom: "label" top: "l" '
        'top: "p" infogain_loss_param { axis: 2 source: "H" } }'
    )  # fmt: skip
    found = deploy(net(text))
    assert found.net.outputs == ("p",)
    softmax = found.net.layers[-1]
    assert (softmax.type, softmax.bottoms, softmax.tops) == ("Softmax", ("ip",), ("p",))
    assert softmax.message.message("softmax_param").integer("axis", 1) == 2


def test_silence_reads_without_making_an_output():
    text = DATA + layer("a") + layer("b") + 'layer { name: "s" type: "Silence" bottom: "b" }'
    assert deploy(net(text)).net.outputs == ("a",)


def notes(text):
    found = net(text)
    return overwritten_views(found.layers, found.outputs).notes


FLAT = layer("a") + layer("f", "a", "f", "Flatten")
SPLIT = layer("a") + 'layer { name: "s" type: "Split" bottom: "a" top: "s0" top: "s1" }\n'


def test_overwritten_views():
    (note,) = notes(DATA + FLAT + layer("r", "f", "f", "ReLU") + layer("late", "a"))
    assert note == (
        "layer 'late' (AbsVal) reads 'a', which in Caffe layer 'r' has overwritten by then; "
        "here it has the old values"
    )


def test_an_output_may_be_an_overwritten_view():
    (note,) = notes(DATA + SPLIT + layer("t", "s0", "s0", "TanH"))
    assert note.startswith("the net outputs 's1', which in Caffe layer 't' has overwritten")


@pytest.mark.parametrize(
    "text",
    [
        layer("a") + layer("r", "a", "a", "ReLU"),
        FLAT + layer("r", "f", "f", "ReLU"),  # nobody reads what it overwrote
        SPLIT + layer("d", "s0", "s0", "Dropout"),  # the identity, in use
        SPLIT + layer("c", "s0", "s0", "Concat"),  # of one blob: nothing to do
    ],
)
def test_nothing_is_overwritten(text):
    assert notes(DATA + text) == []


def test_overwritten_blobs_are_known_though_nobody_reads_them():
    found = net(DATA + FLAT + layer("r", "f", "f", "ReLU"))
    assert overwritten_views(found.layers, found.outputs).blobs == {"a": found.layers[-1]}


IN_PLACE = [
    ("ReLU", "", True),
    ("Softmax", "", True),
    ("Eltwise", "eltwise_param { operation: PROD }", True),
    ("Eltwise", "", False),
    ("Eltwise", "eltwise_param { operation: MAX }", False),
    ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", True),
    ("LRN", "", False),
    ("InnerProduct", "", False),
    ("Convolution", "", False),
    ("Pooling", "", False),
    ("Flatten", "", False),
]


@pytest.mark.parametrize(("kind", "more", "works"), IN_PLACE)
def test_layers_that_work_in_place(kind, more, works):
    """As Caffe 1.0 ran them: what does not work gives other values, or is refused."""
    found = net(DATA + layer("a") + layer("l", "a", "a", kind, more))
    if works:
        check_in_place(found.layers)
    else:
        with pytest.raises(CortadoError, match="Caffe cannot compute it in place"):
            check_in_place(found.layers)


def test_the_stages_of_the_net_itself_count_too():
    """As in Caffe 1.0, where its phase and level do not."""
    text = 'state { phase: TRAIN level: 2 stage: "a" }' + DATA
    for rule, expected in [
        ('stage: "a"', True),
        ('stage: "a" stage: "b"', True),
        ("phase: TRAIN", False),
        ("min_level: 1", False),
    ]:
        found = net(text + layer("l", more=f"include {{ {rule} }}"), stages=("b",))
        assert ("l" in [spec.name for spec in found.layers]) is expected
