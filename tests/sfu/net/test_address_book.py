from typing import Any

from sfu.net.address_book import AddressBook

HERE = ("192.0.2.1", 5000)
MAPPED = ("::ffff:192.0.2.1", 5001, 0, 0)
THERE = ("2001:db8::1", 5000, 0, 0)


def test_an_address_is_one_endpoints_and_a_host_that_of_all_who_are_there() -> None:
    book = AddressBook()
    anna: Any = object()
    ben: Any = object()
    for address, whose in ((HERE, anna), (MAPPED, anna), (THERE, ben)):
        book.bind(address, whose)
    assert book.owners == {HERE: anna, MAPPED: anna, THERE: ben}
    assert set(book.owners_at("192.0.2.1")) == {anna}
    book.bind(HERE, ben)
    assert set(book.owners_at("192.0.2.1")) == {anna, ben}
    assert book.unbind(MAPPED) is anna
    assert set(book.owners_at("192.0.2.1")) == {ben}


def test_nothing_is_left_of_addresses_that_are_nobodys() -> None:
    book = AddressBook()
    anna: Any = object()
    for _ in range(3):
        book.bind(HERE, anna)
    assert book.unbind(HERE) is anna
    assert book.unbind(HERE) is None
    assert (book.owners, book._by_host, list(book.owners_at("192.0.2.1"))) == ({}, {}, [])
