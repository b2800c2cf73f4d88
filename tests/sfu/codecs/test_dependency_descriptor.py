from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs.bit_reader import BitReader
from sfu.codecs.dependency_descriptor import Structure, Template, parse_dependency_descriptor
from tests.support.descriptors import L1T3, L2T1, L2T1_KEY, SYMBOLS, BitWriter, Templates, descriptor


def structure_of(templates: Templates) -> Structure:
    return parse_dependency_descriptor(descriptor(templates.id_offset, 0, structure=templates), None).structure


@given(st.lists(st.tuples(st.integers(1, 24), st.integers(0, 1 << 24)), max_size=20))
def test_bits_are_read_as_they_were_written(fields: list[tuple[int, int]]) -> None:
    writer = BitWriter().bits(0, 8)
    for count, value in fields:
        writer.bits(value & (1 << count) - 1, count)
    reader = BitReader(writer.bytes())
    assert reader.bits(8) == 0
    for count, value in fields:
        assert reader.bits(count) == value & (1 << count) - 1
    left = reader.left
    with pytest.raises(ValueError, match="before the end"):
        reader.bits(left + 1)


@given(st.integers(1, 200).flatmap(lambda limit: st.tuples(st.just(limit), st.integers(0, limit - 1))))
def test_numbers_below_a_limit(pair: tuple[int, int]) -> None:
    limit, value = pair
    assert BitReader(BitWriter().below(value, limit).bits(0, 8).bytes()).below(limit) == value


def test_a_structure_is_read_whole() -> None:
    found = parse_dependency_descriptor(descriptor(0, 77, end=False, structure=L2T1), None)
    assert (found.starts_frame, found.ends_frame, found.frame_number) == (True, False, 77)
    assert found.has_structure
    assert found.active_targets == 0b11
    assert found.template == Template(0, 0, (2, 2), (), (0, 0))
    assert found.structure.target_layers == ((0, 0), (1, 0))
    assert found.structure.protected_by == (0, 1)
    assert found.structure.resolutions == ((320, 180), (640, 360))
    assert [template.frame_diffs for template in found.structure.templates] == [(), (2,), (1,), (2, 1)]
    assert [template.chain_diffs for template in found.structure.templates] == [(0, 0), (2, 1), (1, 1), (1, 1)]


def test_a_bare_descriptor_is_that_of_its_template() -> None:
    structure = structure_of(L1T3)
    found = parse_dependency_descriptor(descriptor(3, 65_535, start=False), structure)
    assert not found.has_structure
    assert (found.starts_frame, found.frame_number, found.template.temporal) == (False, 65_535, 2)
    assert found.active_targets is None


def test_templates_are_counted_from_an_offset_around_the_end() -> None:
    structure = structure_of(replace(L1T3, id_offset=62))
    found = parse_dependency_descriptor(descriptor(1, 5), structure)
    assert found.template == structure.templates[3]
    with pytest.raises(ValueError, match="no template 2"):
        parse_dependency_descriptor(descriptor(2, 5), structure)


def test_what_a_frame_says_of_itself_goes_before_its_template() -> None:
    structure = structure_of(L2T1)
    found = parse_dependency_descriptor(
        descriptor(1, 9, active=(0b01, 2), indications="S-", diffs=(300, 7), chains=(200, 3)), structure
    )
    assert found.active_targets == 0b01
    assert found.template == Template(0, 0, (2, 0), (300, 7), (200, 3))


def test_without_a_structure_nothing_is_known() -> None:
    with pytest.raises(ValueError, match="structure is not known"):
        parse_dependency_descriptor(descriptor(0, 1), None)


def test_a_structure_of_too_many_layers_is_refused() -> None:
    spatial = Templates([((n, 0), "S", ()) for n in range(5)])
    with pytest.raises(ValueError, match="too many"):
        structure_of(spatial)
    with pytest.raises(ValueError, match="too many"):
        structure_of(Templates([((0, 0), "S", ()) for _ in range(66)]))


@pytest.mark.parametrize("templates", [L1T3, L2T1, L2T1_KEY])
def test_truncated_twins(templates: Templates) -> None:
    whole = descriptor(0, 1, structure=templates)
    for length in range(len(whole)):
        with pytest.raises(ValueError):  # noqa: PT011 - which field is cut off does not matter
            parse_dependency_descriptor(whole[:length], None)


@given(st.binary(max_size=60), st.sampled_from([None, L1T3, L2T1]))
def test_garbage_raises_nothing_but_value_error(data: bytes, templates: Templates | None) -> None:
    structure = structure_of(templates) if templates else None
    try:
        found = parse_dependency_descriptor(data, structure)
    except ValueError:
        return
    assert len(found.structure.templates) <= 64
    assert all(len(each.indications) == len(found.structure.target_layers) for each in found.structure.templates)


layers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), min_size=1, max_size=12, unique=True)


@given(layers, st.integers(1, 8), st.integers(0, 63), st.data())
def test_round_trip(found_layers: list[tuple[int, int]], targets: int, offset: int, data: st.DataObject) -> None:
    ordered = _reachable(sorted(found_layers))
    symbols = st.text(SYMBOLS, min_size=targets, max_size=targets)
    diffs = st.lists(st.integers(1, 16), max_size=4).map(tuple)
    templates = Templates([(each, data.draw(symbols), data.draw(diffs)) for each in ordered], id_offset=offset)
    structure = structure_of(templates)
    assert structure.id_offset == offset
    read = [((each.spatial, each.temporal), each.indications, each.frame_diffs) for each in structure.templates]
    assert read == [
        (layer, tuple(SYMBOLS.index(symbol) for symbol in text), distances)
        for layer, text, distances in templates.templates
    ]


def _reachable(ordered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Fill up what `next_layer_idc` cannot leap over."""
    found = [(0, 0)]
    for spatial, temporal in ordered:
        while found[-1][0] < spatial:
            found.append((found[-1][0] + 1, 0))
        while found[-1][1] < temporal:
            found.append((spatial, found[-1][1] + 1))
    return found
