"""The shape of replies: which fields they have and of which type. Shapes of many replies add up to one.

As JSON, a shape is a type ("text", "number", "flag", "null", "bytes"), a list of one shape, an object of fields, where `name?` is a
field that some replies do not have, or {"one of": [shapes]} where replies differ. A list that was always empty is [].
"""


def of(value):
    """The shape of one value."""
    if isinstance(value, dict):
        return {name: of(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [added(*map(of, value))] if value else []
    return "null" if value is None else "flag" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else "text"


def added(first, *others):
    """The shape that all of these fit."""
    total = first
    for other in others:
        total = _both(total, other)
    return total


def _both(one, two):
    if one == two:
        return one
    kinds = {}
    for shape in [*_choices(one), *_choices(two)]:
        kind = shape if isinstance(shape, str) else type(shape)
        kinds[kind] = _same_kind(kinds[kind], shape) if kind in kinds else shape
    shapes = sorted(kinds.values(), key=str)
    return shapes[0] if len(shapes) == 1 else {"one of": shapes}


def _choices(shape):
    return shape["one of"] if isinstance(shape, dict) and "one of" in shape else [shape]


def _same_kind(one, two):
    if isinstance(one, list):
        elements = [*one, *two]
        return [added(*elements)] if elements else []
    if isinstance(one, dict):
        total = {}
        for name in {field.rstrip("?") for field in [*one, *two]}:
            shapes = [shape[field] for shape in (one, two) for field in (name, name + "?") if field in shape]
            always = name in one and name in two
            total[name if always else name + "?"] = added(*shapes)
        return total
    return one


def misfits(seen, kept, where=""):
    """What of a seen shape is not as the kept one says, a line each."""
    if seen == kept:
        return []
    wanted = {shape if isinstance(shape, str) else type(shape): shape for shape in _choices(kept)}
    lines = []
    for shape in _choices(seen):
        kind = shape if isinstance(shape, str) else type(shape)
        if kind not in wanted:
            lines.append(f"{where or 'the reply'} is {_named(shape)}, not {' or '.join(map(_named, _choices(kept)))}")
        elif isinstance(shape, list):
            if shape and not wanted[kind]:
                lines.append(f"{where} is not empty")
            elif shape:
                lines += misfits(shape[0], wanted[kind][0], where + "[]")
        elif isinstance(shape, dict):
            lines += _of_fields(shape, wanted[kind], where)
    return lines


def _of_fields(seen, kept, where):
    lines = []
    for name in sorted({field.rstrip("?") for field in [*seen, *kept]}):
        path = f"{where}.{name}" if where else name
        found, wanted = (next((shape[field] for field in (name, name + "?") if field in shape), None) for shape in (seen, kept))
        if wanted is None:
            lines.append(f"{path} is new")
        elif name in kept and name not in seen:
            lines.append(f"{path} is missing" + (" sometimes" if found is not None else ""))
        elif found is not None:
            lines += misfits(found, wanted, path)
    return lines


def _named(shape):
    return "a list" if isinstance(shape, list) else "an object" if isinstance(shape, dict) else shape
