"""The catalogue of diagnostic codes: code, kebab-case name, severity, and what it means in one line.

The list is ordered as the documentation is. A name reads after "allow": it names the bad thing.
"""

from __future__ import annotations

ERROR, WARNING, INFO = "error", "warning", "info"

CATALOGUE: tuple[tuple[str, str, str, str], ...] = (
    # 0xx files and YAML
    ("SC001", "unreadable-file", ERROR, "the file cannot be read as UTF-8 text"),
    ("SC002", "yaml-syntax", ERROR, "the text is not well-formed YAML"),
    ("SC003", "duplicate-key", ERROR, "a key is given twice in one mapping"),
    ("SC004", "ambiguous-number", ERROR, "a number with a leading zero: octal or decimal?"),
    ("SC005", "merge-key", ERROR, "the YAML merge key `<<` is not supported; blocks do its work"),
    ("SC006", "unknown-tag", ERROR, "a YAML tag is not supported"),
    ("SC007", "several-documents", ERROR, "a file holds more than one YAML document"),
    ("SC008", "too-large", ERROR, "nesting, alias expansion, file size or the size of a number is beyond the limits"),
    ("SC009", "empty-file", ERROR, "the file holds no spec"),
    ("SC010", "unknown-anchor", ERROR, "an alias names an anchor that is not defined before it"),
    ("SC011", "bad-key", ERROR, "a mapping key is not a plain scalar"),
    # 1xx spec structure and names
    ("SC101", "not-a-spec", ERROR, "the document lacks the key `shapecalc`"),
    ("SC102", "unsupported-version", ERROR, "the language version is newer than this tool, or no integer"),
    ("SC103", "unknown-key", ERROR, "a key that the language does not know"),
    ("SC104", "missing-key", ERROR, "a key that must be there is missing"),
    ("SC105", "wrong-type", ERROR, "a value has the wrong type"),
    ("SC106", "unknown-operator", ERROR, "no operator or block of that name"),
    ("SC107", "unknown-argument", ERROR, "the operator or block takes no such argument"),
    ("SC108", "missing-argument", ERROR, "an argument without a default is not given"),
    ("SC109", "bad-argument", ERROR, "an argument has a value that the operator refuses"),
    ("SC110", "bad-name", ERROR, "a name that cannot be used for a child, param or block"),
    ("SC111", "duplicate-name", ERROR, "two children, labels or loop turns come out with one name"),
    ("SC112", "bad-expression", ERROR, "an expression cannot be read or evaluated"),
    ("SC113", "unknown-size-in-condition", ERROR, "a condition depends on a size that is not known"),
    ("SC114", "unknown-reference", ERROR, "a reference to nothing that exists here"),
    ("SC115", "forward-reference", ERROR, "a reference to a layer that comes later"),
    ("SC116", "ambiguous-flow", ERROR, "it is not clear which value is meant"),
    ("SC117", "recursive-block", ERROR, "a block reaches itself"),
    ("SC118", "unset-param", ERROR, "a param without a value must be set"),
    ("SC119", "unknown-param", ERROR, "`set` names a param that the spec does not have"),
    ("SC120", "bad-share", ERROR, "`share` cannot tie these two layers"),
    ("SC121", "too-many-layers", ERROR, "the spec expands to more layers than the limit"),
    ("SC122", "wrong-number-of-inputs", ERROR, "a layer is given too few or too many inputs"),
    # 2xx sizes that cannot work
    ("SC201", "kernel-does-not-fit", ERROR, "the window is larger than the padded input"),
    ("SC202", "channel-mismatch", ERROR, "the channels that arrive are not those that the layer is declared for"),
    ("SC203", "feature-mismatch", ERROR, "the features that arrive are not those that the layer is declared for"),
    ("SC204", "indivisible-groups", ERROR, "channels do not divide by the groups"),
    ("SC205", "indivisible-heads", ERROR, "the embedding does not divide by the heads"),
    ("SC206", "output-padding-too-large", ERROR, "output_padding is not smaller than stride or dilation"),
    ("SC207", "same-padding-with-stride", ERROR, "padding: same with a stride"),
    ("SC208", "pool-padding-too-large", ERROR, "pool padding is more than half of the kernel"),
    ("SC209", "wrong-rank", ERROR, "the input has the wrong number of dimensions"),
    ("SC210", "reshape-count", ERROR, "a reshape changes the number of elements"),
    ("SC211", "unequal-sizes", ERROR, "operands differ in a size in which they must agree"),
    ("SC212", "wrong-dtype", ERROR, "the input has the wrong dtype"),
    ("SC213", "bad-dimension", ERROR, "a dimension number is out of range"),
    ("SC214", "indivisible-size", ERROR, "a size does not divide as the layer needs"),
    ("SC215", "batch-out-of-place", ERROR, "the batch dimension reaches an axis that is no batch axis"),
    ("SC216", "padding-too-large", ERROR, "padding is not smaller than the input, or leaves nothing of it"),
    ("SC217", "index-out-of-range", ERROR, "indices can exceed the size of the table"),
    ("SC218", "one-value-per-channel", ERROR, "normalisation over a single value cannot be trained"),
    # 3xx probable mistakes
    ("SC301", "bias-before-norm", WARNING, "a bias that the norm behind it takes away again"),
    ("SC302", "softmax-before-loss", WARNING, "softmax or sigmoid before a loss that applies it itself"),
    ("SC303", "repeated-softmax", WARNING, "softmax of what is a softmax already"),
    ("SC304", "linear-after-linear", WARNING, "two linear maps with nothing between that one could replace"),
    ("SC305", "repeated-activation", WARNING, "the same activation twice in a row"),
    ("SC306", "activation-after-last-layer", WARNING, "scores of a classifier cut off by an activation"),
    ("SC307", "norm-of-one-value", WARNING, "a norm over a single value gives nothing but its bias"),
    ("SC308", "dropout-before-batch-norm", WARNING, "dropout shifts the variance that batch norm behind it measures"),
    ("SC309", "dropout-on-output", WARNING, "dropout on an output of the network"),
    ("SC310", "even-kernel", WARNING, "an even kernel with symmetric padding shifts the map by half a pixel"),
    ("SC311", "stride-larger-than-kernel", WARNING, "pixels between the windows are never read"),
    ("SC312", "checkerboard", WARNING, "a transposed convolution whose kernel does not divide by its stride"),
    ("SC313", "dilation-gridding", WARNING, "dilations in a row that leave holes in what is seen"),
    ("SC314", "list-as-window", WARNING, "a window such as [3, 2] where kernel and stride may be meant"),
    ("SC315", "field-smaller-than-input", INFO, "no layer before the global pool sees the whole input"),
    ("SC316", "misaligned-merge", WARNING, "branches that merge look at different places of the input"),
    ("SC317", "rectifier-before-add", WARNING, "a rectifier between the last norm of a branch and the add"),
    ("SC318", "unused-layer", WARNING, "a layer whose output nothing uses"),
    ("SC319", "unused-param", WARNING, "a param that nothing reads"),
    ("SC320", "unused-block", WARNING, "a block that nothing uses"),
    ("SC321", "unused-label", WARNING, "a label that nothing names"),
    ("SC322", "reference-by-number", WARNING, "a reference by number moves when a layer is added"),
    ("SC323", "shrinking-padding", WARNING, "padding that keeps the size for another kernel than this one"),
    ("SC324", "dropped-lines", INFO, "rows or columns at the end that no window reads"),
    ("SC325", "silent-broadcast", WARNING, "an axis of size 1 is broadcast without being asked"),
    ("SC326", "restricted-sizes", INFO, "the network works for some input sizes only"),
    ("SC327", "padding-mode-without-padding", WARNING, "a padding mode where nothing is padded"),
    ("SC328", "shadowed-operator", INFO, "a block has the name of an operator, which it hides"),
    # 4xx cost and efficiency
    ("SC401", "dominant-layer", INFO, "one layer holds more than half of all parameters"),
    ("SC402", "large-kernel", INFO, "a kernel that several smaller ones replace with fewer parameters"),
    ("SC403", "unaligned-channels", INFO, "channels that do not divide by 8"),
    ("SC404", "depthwise-without-pointwise", INFO, "a depthwise convolution whose channels are never mixed"),
    ("SC405", "conv-on-one-pixel", INFO, "a convolution on a 1x1 map is a linear layer"),
    ("SC406", "peak-activation", INFO, "the layer that holds the most memory"),
    # 5xx broken expectations and budgets
    ("SC501", "broken-expectation", ERROR, "what `expect` states does not hold"),
    ("SC502", "expectation-not-checked", INFO, "`expect` speaks of the default params, and --set changes one"),
    ("SC503", "expectation-undecided", WARNING, "what `expect` states can neither be shown nor refuted"),
    ("SC504", "over-budget", ERROR, "the network exceeds a budget of the settings"),
    # 6xx training
    ("SC601", "batch-of-one", WARNING, "batch norm with a batch, or a last batch, of one sample"),
    ("SC602", "loss-does-not-fit", WARNING, "loss and output of the network do not fit"),
    # 9xx suppressions
    ("SC901", "unused-suppression", WARNING, "a suppression that suppresses nothing"),
    ("SC902", "unknown-suppression", WARNING, "a suppression names a code that does not exist"),
)

OPTIONAL = frozenset({"SC403", "SC404", "SC406"})
"""Matters of taste: found only where they are selected."""

NAMES = {code: name for code, name, _, _ in CATALOGUE}
SEVERITIES = {code: severity for code, _, severity, _ in CATALOGUE}
