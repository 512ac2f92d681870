"""The shapes themselves: what differs is said, what only some replies have is allowed."""

import shape


def test_replies_add_up_and_what_does_not_fit_is_named():
    kept = shape.added(*map(shape.of, [{"id": "a", "items": []}, {"id": "b", "items": [{"n": 1}, {"n": 2, "more": True}]}]))
    assert kept == {"id": "text", "items": [{"n": "number", "more?": "flag"}]}
    assert shape.misfits(shape.of({"id": "c", "items": [{"n": 5}]}), kept) == []
    assert shape.misfits(shape.of({"id": 7, "items": [{"more": False}], "new": None}), kept) == [
        "id is number, not text", "items[].n is missing", "new is new"]


def test_replies_that_differ_in_kind_are_all_kept():
    kept = shape.added(*map(shape.of, [{"at": "x"}, {"at": {"deep": 1}}, {"at": None}, {}]))
    for fits in ({"at": {"deep": 2}}, {"at": None}, {}):
        assert shape.misfits(shape.of(fits), kept) == []
    assert shape.misfits(shape.of({"at": {"deep": "2"}}), kept) == ["at.deep is text, not number"]
    assert shape.misfits(shape.of({"at": []}), kept) == ["at is a list, not null or text or an object"]
