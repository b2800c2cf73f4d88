"""Write dependency descriptors bit by bit (RTP Payload Format For AV1, A.8.2), for tests that read them."""

from dataclasses import dataclass, field

SYMBOLS = "-DSR"


class BitWriter:
    def __init__(self) -> None:
        self._bits = ""

    def bits(self, value: int, count: int) -> "BitWriter":
        self._bits += format(value, f"0{count}b") if count else ""
        return self

    def below(self, value: int, limit: int) -> "BitWriter":
        """Write `ns(limit)`."""
        width = limit.bit_length()
        short = (1 << width) - limit
        if value < short:
            return self.bits(value, width - 1)
        return self.bits(value + short, width)

    def bytes(self) -> bytes:
        padded = self._bits + "0" * (-len(self._bits) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big")


@dataclass
class Templates:
    """A structure: for each template its layers, indications such as `SR-`, and distances to what it refers to."""

    templates: list[tuple[tuple[int, int], str, tuple[int, ...]]]
    id_offset: int = 0
    protected_by: tuple[int, ...] = ()
    chains: list[tuple[int, ...]] = field(default_factory=list)
    resolutions: tuple[tuple[int, int], ...] = ()

    def write(self, writer: BitWriter) -> None:
        targets = len(self.templates[0][1])
        writer.bits(self.id_offset, 6).bits(targets - 1, 5)
        for (layers, _, _), (following, _, _) in zip(self.templates, self.templates[1:], strict=False):
            writer.bits(2 if following[0] > layers[0] else 1 if following[1] > layers[1] else 0, 2)
        writer.bits(3, 2)
        for _, indications, _ in self.templates:
            for symbol in indications:
                writer.bits(SYMBOLS.index(symbol), 2)
        for _, _, diffs in self.templates:
            for diff in diffs:
                writer.bits(1, 1).bits(diff - 1, 4)
            writer.bits(0, 1)
        count = len(self.chains[0]) if self.chains else 0
        writer.below(count, targets + 1)
        if count:
            for chain in self.protected_by:
                writer.below(chain, count)
            for chain_diffs in self.chains:
                for diff in chain_diffs:
                    writer.bits(diff, 4)
        writer.bits(1 if self.resolutions else 0, 1)
        for width, height in self.resolutions:
            writer.bits(width - 1, 16).bits(height - 1, 16)


def descriptor(
    template: int,
    frame: int,
    *,
    start: bool = True,
    end: bool = True,
    structure: Templates | None = None,
    active: tuple[int, int] | None = None,
    indications: str = "",
    diffs: tuple[int, ...] | None = None,
    chains: tuple[int, ...] | None = None,
) -> bytes:
    """Write one descriptor; `active` is a mask and the number of decode targets, the last three are custom."""
    writer = BitWriter().bits(start, 1).bits(end, 1).bits(template, 6).bits(frame & 0xFFFF, 16)
    if structure or active or indications or diffs is not None or chains is not None:
        for flag in (structure, active, indications, diffs is not None, chains is not None):
            writer.bits(1 if flag else 0, 1)
        if structure:
            structure.write(writer)
        if active:
            writer.bits(*active)
        for symbol in indications:
            writer.bits(SYMBOLS.index(symbol), 2)
        if diffs is not None:
            for diff in diffs:
                size = (max(diff - 1, 1).bit_length() + 3) // 4
                writer.bits(size, 2).bits(diff - 1, 4 * size)
            writer.bits(0, 2)
        for chain in chains or ():
            writer.bits(chain, 8)
    return writer.bytes()


L1T3 = Templates([((0, 0), "SSS", ()), ((0, 0), "SSS", (4,)), ((0, 1), "-RR", (2,)), ((0, 2), "--D", (1,))])
"""One spatial layer, three temporal ones; a target for each. Pictures are those of templates 1, 3, 2, 3."""

L2T1 = Templates(
    [((0, 0), "SS", ()), ((0, 0), "SR", (2,)), ((1, 0), "-S", (1,)), ((1, 0), "-R", (2, 1))],
    protected_by=(0, 1),
    chains=[(0, 0), (2, 1), (1, 1), (1, 1)],
    resolutions=((320, 180), (640, 360)),
)
"""Two spatial layers, the upper refers to the lower in every picture."""

L2T1_KEY = Templates([((0, 0), "SS", ()), ((0, 0), "S-", (2,)), ((1, 0), "-S", (1,)), ((1, 0), "-R", (2,))])
"""Two spatial layers that refer to each other in key pictures only."""
