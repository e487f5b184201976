"""The kinds of layers that a table can name: by a label in free text, or by the class name that a tool prints."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class LayerKind(StrEnum):
    """A kind of layer; `OTHER` is a layer whose formulas are not known."""

    TOTAL = "total"
    INPUT = "input"
    CONVOLUTION = "convolution"
    DEPTHWISE = "depthwise convolution"
    SEPARABLE = "separable convolution"
    TRANSPOSED = "transposed convolution"
    POOLING = "pooling"
    GLOBAL_POOLING = "global pooling"
    ADAPTIVE_POOLING = "adaptive pooling"
    DENSE = "dense"
    SOFTMAX = "softmax"
    ACTIVATION = "activation"
    PRELU = "prelu"
    NORM = "norm"
    LAYER_NORM = "layer norm"
    RESPONSE_NORM = "local response norm"
    DROPOUT = "dropout"
    FLATTEN = "flatten"
    RESHAPE = "reshape"
    ADDITION = "addition"
    CONCATENATION = "concatenation"
    PADDING = "padding"
    RESIZING = "resizing"
    RECURRENT = "recurrent"
    EMBEDDING = "embedding"
    ATTENTION = "attention"
    OTHER = "other"


PATTERNS = (  # the first pattern found in the label decides
    (
        LayerKind.TOTAL,
        r"^\W*(grand )?(total|totals|sum|overall|summe|gesamt|insgesamt|somme|suma)\b|^\W*(总计|总和|合计|总数|总参数)",
    ),
    (
        LayerKind.INPUT,
        r"^\W*(?:(?:couche|capa|camada) (?:d'|de )?)?"
        r"(input|image|data|eingabe|eingang|entr[ée]e|entrada|imagen|ingresso)(?![- ]?gate)|^\W*(输入|图像|入力)",
    ),
    (LayerKind.TRANSPOSED, r"transpos|deconv|up-?conv|transponiert|转置|反卷积"),
    (LayerKind.SEPARABLE, r"separable"),
    (LayerKind.DEPTHWISE, r"depth-?wise|dwconv|\bdw\b"),
    (LayerKind.PADDING, r"zero-?pad|reflection-?pad|^pad\d*\b"),
    (LayerKind.NORM, r"batch[\s_-]*norm|(?:^|[^a-z])bn(?![a-z])|group[\s_-]*norm|批归一|批量归一|批标准"),
    (LayerKind.RESPONSE_NORM, r"local[\s_-]*(?:response|resp)[\s_-]*norm|(?:^|[^a-z])lrn"),
    (LayerKind.LAYER_NORM, r"layer[\s_-]*norm"),
    (LayerKind.RECURRENT, r"(?:^|[^a-z])(?:bi-?)?(?:lstm|gru|rnn)(?![a-z])|simplernn"),
    (LayerKind.EMBEDDING, r"embed|词嵌入|嵌入"),
    (LayerKind.ATTENTION, r"attention|(?:^|[^a-z])mha(?![a-z])|注意力"),
    (LayerKind.OTHER, r"conv\w*[_ -]?3d|pool\w*[_ -]?3d|3d[_ -]?(?:conv|pool)"),
    (LayerKind.GLOBAL_POOLING, r"global.*pool|(?:^|[^a-z])gap(?![a-z])|全局.*池化"),
    (LayerKind.ADAPTIVE_POOLING, r"adaptive"),
    (LayerKind.RESIZING, r"up-?sampl|un-?pool|interpolat|crop|resiz"),
    (
        LayerKind.POOLING,
        r"pool|sub-?sampl|[ée]chantillon|agrupa|submuestreo|unterabtast|^s\d+\b|池化|下采样|プーリング",
    ),
    (LayerKind.FLATTEN, r"flatten|aplanar|aplati|展平|拉平"),
    (LayerKind.RESHAPE, r"reshape|permute"),
    (LayerKind.DROPOUT, r"drop|随机失活"),
    (LayerKind.CONCATENATION, r"concat|(?:^|[^a-z])cat(?![a-z])|拼接"),
    (LayerKind.ADDITION, r"(?:^|[^a-z])add(?![a-z])|residual sum|skip sum|shortcut sum"),
    (
        LayerKind.CONVOLUTION,
        r"conv|faltung|\bfilters\b|^c\d+\b|\d\s*@\s*\d+\s*[x×]|卷积|畳み込み",
    ),
    (
        LayerKind.DENSE,
        r"(?:^|[^a-z])fc(?![a-z])|fully|dense|densa|linear|logits|classifier|^f\d+\b|^\W*output|"
        r"voll ?(?:verbunden|vernetzt)|"
        r"vollst[äa]ndig (?:verbunden|vernetzt)|(?:enti[èe]rement|compl[èe]tement|completamente) connect|"
        r"(?:totalmente|completamente) conect|completamente conness|全连接|全結合|"
        r"^\W*(?:(?:couche|capa|camada) de )?(?:ausgabe|sortie|salida|saída|uscita|输出)",
    ),
    (LayerKind.SOFTMAX, r"soft-?max"),
    (LayerKind.PRELU, r"prelu"),
    (LayerKind.ACTIVATION, r"re_?lu|elu|tanh|sigmoid|activation|aktivierung|swish|silu|mish|identity|激活"),
)

CLASS_NAMES = {
    LayerKind.CONVOLUTION: "conv conv1d conv2d convolution convolution1d convolution2d lazyconv2d",
    LayerKind.DEPTHWISE: "depthwiseconv1d depthwiseconv2d",
    LayerKind.SEPARABLE: "separableconv1d separableconv2d separableconvolution2d",
    LayerKind.TRANSPOSED: "conv1dtranspose conv2dtranspose convtranspose convtranspose1d convtranspose2d deconvolution",
    LayerKind.POOLING: "maxpooling1d maxpooling2d averagepooling1d averagepooling2d maxpool1d maxpool2d avgpool1d "
    "avgpool2d pooling maxpooling averagepooling",
    LayerKind.GLOBAL_POOLING: "globalaveragepooling1d globalaveragepooling2d globalmaxpooling1d globalmaxpooling2d "
    "globalavgpool1d globalavgpool2d globalmaxpool1d globalmaxpool2d",
    LayerKind.ADAPTIVE_POOLING: "adaptiveavgpool1d adaptiveavgpool2d adaptivemaxpool1d adaptivemaxpool2d",
    LayerKind.DENSE: "dense linear fullyconnected innerproduct lazylinear nondynamicallyquantizablelinear",
    LayerKind.ACTIVATION: "activation relu relu6 leakyrelu elu celu selu gelu silu swish mish tanh sigmoid hardswish "
    "hardsigmoid hardtanh softplus softsign softmax logsoftmax thresholdedrelu identity rescaling softmaxoutput",
    LayerKind.PRELU: "prelu",
    LayerKind.NORM: "batchnormalization batchnorm batchnorm1d batchnorm2d syncbatchnorm groupnorm groupnormalization "
    "instancenorm1d instancenorm2d batchnormalizationv1 frozenbatchnorm2d lazybatchnorm2d",
    LayerKind.LAYER_NORM: "layernorm layernormalization layernorm2d rmsnorm rmsnormalization",
    LayerKind.RESPONSE_NORM: "localresponsenorm lrn",
    LayerKind.DROPOUT: "dropout dropout1d dropout2d alphadropout featurealphadropout spatialdropout1d spatialdropout2d "
    "gaussiannoise gaussiandropout droppath stochasticdepth",
    LayerKind.FLATTEN: "flatten",
    LayerKind.RESHAPE: "reshape permute unflatten repeatvector",
    LayerKind.ADDITION: "add multiply subtract average maximum minimum elemwise_add _plus broadcast_add eltwise",
    LayerKind.CONCATENATION: "concatenate concat",
    LayerKind.INPUT: "inputlayer input null data imageinput",
    LayerKind.PADDING: "zeropadding1d zeropadding2d zeropad2d reflectionpad2d replicationpad2d constantpad2d",
    LayerKind.RESIZING: "upsampling1d upsampling2d upsample upsamplingnearest2d upsamplingbilinear2d cropping1d "
    "cropping2d resizing centercrop",
    LayerKind.RECURRENT: "lstm gru rnn simplernn cudnnlstm cudnngru",
    LayerKind.EMBEDDING: "embedding tokenembedding",
    LayerKind.ATTENTION: "multiheadattention",
}  # fmt: skip
CLASSES = {name: kind for kind, names in CLASS_NAMES.items() for name in names.split()}
FUNCTIONS = r"re_?lu|elu|tanh|sigmoid|soft-?max|activation|swish|silu|mish|^act"
WITH_WEIGHTS = frozenset({
    LayerKind.CONVOLUTION,
    LayerKind.DEPTHWISE,
    LayerKind.SEPARABLE,
    LayerKind.TRANSPOSED,
    LayerKind.DENSE,
})  # fmt: skip
SHORTEST_CUT = 3  # letters of a class name that was cut off


def kind_of_class(name: str, label: str = "") -> LayerKind:
    """Return the kind of a class name, which may be cut off at the width of its column.

    >>> kind_of_class("ZeroPadding2D"), kind_of_class("BatchNormaliz"), kind_of_class("ConvBNActivation")
    (<LayerKind.PADDING: 'padding'>, <LayerKind.NORM: 'norm'>, <LayerKind.OTHER: 'other'>)
    """
    plain = re.sub(r"[\s_-]+|\W", "", name.lower())
    if plain in CLASSES:
        return CLASSES[plain]
    cut = sorted((other for other in CLASSES if plain and other.startswith(plain)), key=len)
    if len(plain) >= SHORTEST_CUT and cut:
        return CLASSES[cut[0]]
    named = first_kind(label.lower())
    return named if named in {CLASSES[other] for other in cut} else LayerKind.OTHER


def kind_of(text: str) -> LayerKind:
    """Return the kind that a label in lower case names; a class in brackets takes precedence over the name.

    An activation function in brackets belongs to the layer in front of it.

    >>> [kind_of(text).value for text in ("conv1 (f=5)", "my_pool (conv2d)", "3x3, 64", "dense (relu)")]
    ['convolution', 'convolution', 'convolution', 'dense']
    >>> kind_of("conv1_relu (relu)").value
    'activation'
    """
    printed_class = re.search(r"\((\w+)\)\s*$", text)
    if printed_class and (found := CLASSES.get(printed_class[1]) or first_kind(printed_class[1])):
        before = text[: printed_class.start()]
        applied = found in {LayerKind.ACTIVATION, LayerKind.SOFTMAX} and not re.search(FUNCTIONS, before)
        named = first_kind(before) if applied else None
        return named if named in WITH_WEIGHTS else found
    found = first_kind(text)
    return found or (LayerKind.CONVOLUTION if re.match(r"\d+\s*[x×]\s*\d+\b", text) else LayerKind.OTHER)


@lru_cache(maxsize=10_000)
def first_kind(text: str) -> LayerKind | None:
    """Return the kind of the first pattern that a text contains."""
    return next((kind for kind, pattern in PATTERNS if re.search(pattern, text)), None)
