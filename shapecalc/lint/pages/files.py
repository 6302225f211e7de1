"""Manual pages of what is wrong with a file or its YAML, before anything is known of layers. They check nothing."""

from __future__ import annotations

from shapecalc.lint.rule import Page


class UnreadableFile(Page):
    """the file cannot be read as UTF-8 text

    Why:
        A spec is UTF-8 text. In another encoding the same bytes mean other characters, and guessing the encoding would
        read names and comments wrong without a word.

    Bad:
        # saved as Latin-1, where é is the single byte E9
        shapecalc: 1
        name: Net
        description: réseau
        input: [4]
        layers:
          - Linear: 3

    Good:
        # saved as UTF-8
        shapecalc: 1
        name: Net
        description: réseau
        input: [4]
        layers:
          - Linear: 3

    Limits:
        The message names the first byte that is not UTF-8, by its position and line. A byte order mark of UTF-8 at the
        start is allowed; a file in UTF-16 is recognised and named.
    """

    code = "SC001"
    encoding = "latin-1"


class YamlSyntax(Page):
    """the text is not well-formed YAML

    Why:
        What YAML cannot read has no layers to speak of. Most often an expression is taken for something else: inside of
        braces and brackets YAML ends a value at `,`, `[` and `{`, and everywhere a value that begins with
        `> ? ! * & @ % { [` is no plain text.

    Bad:
        shapecalc: 1
        params: {dims: [64, 128]}
        input: [3, 32, 32]
        layers:
          - Flatten
          - {Linear: dims[1]}

    Good:
        shapecalc: 1
        params: {dims: [64, 128]}
        input: [3, 32, 32]
        layers:
          - Flatten
          - {Linear: "dims[1]"}

    Limits:
        Nothing else of the file is read, so that more may follow once this is mended. Where the text is an expression
        that only wants quotes, the fix quotes it; other mistakes (a tab, a bracket that is not closed, lines that are
        indented unlike) are shown with advice and without a fix.
    """

    code = "SC002"


class DuplicateKey(Page):
    """a key is given twice in one mapping

    Why:
        Of two values under one key YAML readers silently keep the last. Two layers of one name would become one, and an
        argument that was changed in the wrong line would have no effect.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          conv: {Conv2d: {out_channels: 16, kernel_size: 3, out_channels: 32}}

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          conv: {Conv2d: {out_channels: 32, kernel_size: 3}}

    Limits:
        The second of the two is reported and left out. Equal `for` headers in one mapping are allowed, as each makes
        layers of its own; a name that two of them make is SC111.
    """

    code = "SC003"


class AmbiguousNumber(Page):
    """a number with a leading zero: octal or decimal?

    Why:
        `010` is 8 to YAML 1.1, 10 to YAML 1.2 and an error to Python. No reading of it is safe.

    Bad:
        shapecalc: 1
        input: [3, 032, 032]
        layers:
          - Flatten

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Flatten

    Limits:
        Write `0o17` where an octal number is meant. In a key a leading zero is part of a name.
    """

    code = "SC004"


class MergeKey(Page):
    """the YAML merge key `<<` is not supported; blocks do its work

    Why:
        A merge key copies keys from elsewhere and lets some of them be overridden: what a layer is can then no longer
        be read where it stands, and nested merges grow without bounds. A block with params says the same and is
        named.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: &conv {out_channels: 16, kernel_size: 3}
          - Conv2d: {<<: *conv}

    Good:
        shapecalc: 1
        blocks:
          Conv:
            params: {width: 16}
            layers:
              - Conv2d: {out_channels: width, kernel_size: 3}
        input: [3, 32, 32]
        layers:
          - Conv
          - ReLU
          - Conv: 32

    Limits:
        Anchors and aliases of whole values (`Conv2d: *conv`) are supported. A key that is really to be called `<<` is
        written in quotes.
    """

    code = "SC005"


class UnknownTag(Page):
    """a YAML tag is not supported

    Why:
        A tag such as `!size` or `!!python/object` asks the reader to make something else of a value. A spec holds text,
        numbers, lists and mappings only, and no tag ever runs code.

    Bad:
        shapecalc: 1
        params: {deep: true}
        input: [16]
        layers:
          - ReLU:
            when: !deep

    Good:
        shapecalc: 1
        params: {deep: true}
        input: [16]
        layers:
          - ReLU:
            when: not deep

    Limits:
        The tags of YAML's own types (`!!str`, `!!int`, `!!map` ...) are accepted where the value is of that type. An
        expression that begins with `!` is taken for a tag; the language writes `not`.
    """

    code = "SC006"


class SeveralDocuments(Page):
    """a file holds more than one YAML document

    Why:
        A file is one network. Figures, diagnostics and the emitted module go by the file's path, so a second document
        would have no name of its own.

    Bad:
        shapecalc: 1
        input: [4]
        layers: [{Linear: 3}]
        ---
        shapecalc: 1
        input: [4]
        layers: [{Linear: 5}]

    Good:
        shapecalc: 1
        params: {width: 3}
        input: [4]
        layers: [{Linear: width}]

    Limits:
        The first document is read all the same. A `---` before it, and a `...` behind it, are allowed. For variants of
        one network use params and `expect` with cases.
    """

    code = "SC007"


class TooLarge(Page):
    """nesting, alias expansion, file size or the size of a number is beyond the limits

    Why:
        Reading a spec takes bounded time and memory, whatever its text says: 100 levels of nesting, 32 MiB of text,
        integers of 18 digits, and a million values that aliases add.

    Bad:
        shapecalc: 1
        input: [1000000000000000000000]
        layers:
          - Linear: 3

    Good:
        shapecalc: 1
        input: [1000]
        layers:
          - Linear: 3

    Limits:
        How many layers loops and `repeat` may make is another limit: SC121. How long an expression and how large its
        result may be is told as SC112.
    """

    code = "SC008"


class EmptyFile(Page):
    """the file holds no spec

    Why:
        A file without any value cannot be a network; most often it was never filled in, or an editor saved it empty.

    Bad:
        # a network, one day

    Good:
        shapecalc: 1
        input: [4]
        layers:
          - Linear: 3

    Limits:
        A walk over a folder passes over files without a line that begins with `shapecalc:`, so that this is told only
        of files that are named.
    """

    code = "SC009"


class UnknownAnchor(Page):
    """an alias names an anchor that is not defined before it

    Why:
        `*name` stands for the value that `&name` marked earlier in the file. Without one there is nothing to stand for.
        An expression that begins with `*` is taken for an alias too.

    Bad:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: &narrow {out_channels: 16, kernel_size: 3}
          - ReLU
          - Conv2d: *narow

    Good:
        shapecalc: 1
        input: [3, 32, 32]
        layers:
          - Conv2d: &narrow {out_channels: 16, kernel_size: 3}
          - ReLU
          - Conv2d: *narrow

    Limits:
        An alias inside of the value that its own anchor marks is told by this code too: a value cannot contain itself.
    """

    code = "SC010"


class BadKey(Page):
    """a mapping key is not a plain scalar

    Why:
        The keys of a spec are names. YAML allows lists and mappings as keys; they mostly come about where an expression
        in braces stands before a colon.

    Bad:
        shapecalc: 1
        params: {width: 8}
        input: [4]
        layers:
          fc: {Linear: 8}
          {width}: ReLU

    Good:
        shapecalc: 1
        params: {width: 8}
        input: [4]
        layers:
          fc: {Linear: width}
          "relu{width}": ReLU

    Limits:
        The pair is left out and the rest is read. Names with `{expr}` in them are quoted where they begin with a brace.
    """

    code = "SC011"


PAGES = {
    page.code: page
    for page in (
        UnreadableFile,
        YamlSyntax,
        DuplicateKey,
        AmbiguousNumber,
        MergeKey,
        UnknownTag,
        SeveralDocuments,
        TooLarge,
        EmptyFile,
        UnknownAnchor,
        BadKey,
    )
}
