"""The dependency descriptor: a header extension that tells of any codec's frames who needs them.

RTP Payload Format For AV1, appendix A. A key frame's first packet carries the structure, templates of the frames
to come; the others name their template and may say where they differ from it.
"""

from dataclasses import dataclass
from enum import IntEnum

from sfu.codecs.bit_reader import BitReader
from sfu.codecs.bits import Payload

MANDATORY_BYTES = 3
MAX_TEMPLATES = 64
MAX_SPATIAL_LAYERS = 4
MAX_TEMPORAL_LAYERS = 8
"""What the descriptor's fields can count (A.4); a structure with more is malformed."""

_SAME_LAYER, _NEXT_TEMPORAL, _NEXT_SPATIAL, _NO_MORE = range(4)


class Indication(IntEnum):
    """What a frame is to a decode target (A.8.2, decode target indications)."""

    NOT_PRESENT = 0
    DISCARDABLE = 1
    SWITCH = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Template:
    """What frames have in common: layers, what they are to each decode target, distances to frames referred to."""

    spatial: int
    temporal: int
    indications: tuple[int, ...]
    frame_diffs: tuple[int, ...] = ()
    chain_diffs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """The templates of a stream, counted from `id_offset`; `target_layers` has the layers of each decode target.

    `protected_by` names each decode target's chain, where there are any; `resolutions` each spatial layer's width
    and height.
    """

    id_offset: int
    templates: tuple[Template, ...]
    target_layers: tuple[tuple[int, int], ...]
    protected_by: tuple[int, ...] = ()
    resolutions: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DependencyDescriptor:
    """What the extension of one packet says of its frame.

    `structure` is the one it is to be read by, `has_structure` whether it came with this packet: a key frame then.
    `active_targets` is a bit mask of the decode targets that are sent, where the packet tells.
    """

    starts_frame: bool
    ends_frame: bool
    frame_number: int
    structure: Structure
    has_structure: bool
    template: Template
    active_targets: int | None = None


def parse_dependency_descriptor(data: Payload, structure: Structure | None) -> DependencyDescriptor:
    """Parse the element of a packet; `structure` is the last one that came in this stream.

    Raises:
        ValueError: it is malformed, or names a template of a structure that has not come.
    """
    reader = BitReader(data)
    starts, ends, template_id, frame_number = reader.flag(), reader.flag(), reader.bits(6), reader.bits(16)
    attached = active = None
    custom_indications = custom_diffs = custom_chains = False
    if len(data) > MANDATORY_BYTES:
        has_structure, has_active = reader.flag(), reader.flag()
        custom_indications, custom_diffs, custom_chains = reader.flag(), reader.flag(), reader.flag()
        if has_structure:
            structure = attached = _read_structure(reader)
            active = (1 << len(structure.target_layers)) - 1
        if has_active and structure is not None:
            active = reader.bits(len(structure.target_layers))
    if structure is None:
        raise ValueError("the dependency descriptor's structure is not known")
    index = (template_id - structure.id_offset) % MAX_TEMPLATES
    if index >= len(structure.templates):
        raise ValueError(f"the dependency descriptor has no template {template_id}")
    template = structure.templates[index]
    if custom_indications or custom_diffs or custom_chains:
        template = Template(
            template.spatial,
            template.temporal,
            _indications(reader, len(structure.target_layers)) if custom_indications else template.indications,
            _frame_diffs(reader) if custom_diffs else template.frame_diffs,
            tuple(reader.bits(8) for _ in template.chain_diffs) if custom_chains else template.chain_diffs,
        )
    return DependencyDescriptor(starts, ends, frame_number, structure, attached is not None, template, active)


def _read_structure(reader: BitReader) -> Structure:
    id_offset, targets = reader.bits(6), reader.bits(5) + 1
    layers = _template_layers(reader)
    indications = [_indications(reader, targets) for _ in layers]
    frame_diffs = [_template_frame_diffs(reader) for _ in layers]
    chains = reader.below(targets + 1)
    protected_by = tuple(reader.below(chains) for _ in range(targets)) if chains else ()
    chain_diffs = [tuple(reader.bits(4) for _ in range(chains)) for _ in layers]
    templates = tuple(
        Template(spatial, temporal, *rest)
        for (spatial, temporal), *rest in zip(layers, indications, frame_diffs, chain_diffs, strict=True)
    )
    resolutions: tuple[tuple[int, int], ...] = ()
    if reader.flag():
        resolutions = tuple((reader.bits(16) + 1, reader.bits(16) + 1) for _ in range(layers[-1][0] + 1))
    return Structure(id_offset, templates, _target_layers(templates, targets), protected_by, resolutions)


def _template_layers(reader: BitReader) -> list[tuple[int, int]]:
    layers = [(0, 0)]
    while (step := reader.bits(2)) != _NO_MORE:
        spatial, temporal = layers[-1]
        if step == _NEXT_TEMPORAL:
            temporal += 1
        elif step == _NEXT_SPATIAL:
            spatial, temporal = spatial + 1, 0
        layers.append((spatial, temporal))
        if len(layers) > MAX_TEMPLATES or spatial >= MAX_SPATIAL_LAYERS or temporal >= MAX_TEMPORAL_LAYERS:
            raise ValueError("the dependency descriptor's structure has too many templates or layers")
    return layers


def _indications(reader: BitReader, targets: int) -> tuple[int, ...]:
    return tuple(reader.bits(2) for _ in range(targets))


def _template_frame_diffs(reader: BitReader) -> tuple[int, ...]:
    diffs = []
    while reader.flag():
        diffs.append(reader.bits(4) + 1)
    return tuple(diffs)


def _frame_diffs(reader: BitReader) -> tuple[int, ...]:
    diffs = []
    while size := reader.bits(2):
        diffs.append(reader.bits(4 * size) + 1)
    return tuple(diffs)


def _target_layers(templates: tuple[Template, ...], targets: int) -> tuple[tuple[int, int], ...]:
    """Find the layers of each decode target: the highest of the frames that it has (A.8.3.5)."""
    found = []
    for target in range(targets):
        has = [each for each in templates if each.indications[target] != Indication.NOT_PRESENT]
        spatial = max((each.spatial for each in has), default=0)
        found.append((spatial, max((each.temporal for each in has), default=0)))
    return tuple(found)
