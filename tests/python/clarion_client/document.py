"""Reads the tables of PROTOCOL.md and writes them as `schema.py`: python -m clarion_client.document > clarion_client/schema.py

This is what somebody who has only the document does by hand once.
"""

import pathlib
import re

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "protocol" / "PROTOCOL.md"


def tables(text: str) -> dict[str, list[list[str]]]:
    """The rows of each marked table, without its head, cells without backticks and links."""
    found = {}
    for name, table in re.findall(r"<!-- table (\w+) -->\n(.*?)<!-- end -->", text, re.S):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
        found[name] = [[plain(cell) for cell in row] for row in cells[2:]]
        found[name].insert(0, [plain(cell) for cell in cells[0]] if cells else ["#"])
    return found


def plain(cell: str) -> str:
    return re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", cell).replace("`", "").strip()


def schema(text: str) -> dict[str, dict]:
    structs, words, choices, commands, errors, closes = {}, {}, {}, {}, {}, {}
    for name, (head, *rows) in tables(text).items():
        if name == "commands":
            commands = {row[1]: (int(row[0]), row[2], row[3]) for row in rows}
        elif name in ("errors", "closes"):
            (errors if name == "errors" else closes).update({int(row[0]): (row[1], row[3]) for row in rows})
        elif head[0] == "#":
            structs[name] = [(row[1], row[2], row[3]) for row in rows]
        elif len(head) == 3:
            words[name] = {row[1]: int(row[0]) for row in rows}
        else:
            choices[name] = {row[1]: (int(row[0]), row[2]) for row in rows}
    return {"STRUCTS": structs, "WORDS": words, "CHOICES": choices, "COMMANDS": commands, "ERRORS": errors, "CLOSES": closes}


def module(text: str) -> str:
    lines = ['"""The tables of PROTOCOL.md. Written by document.py; a test holds it fresh."""', ""]
    for name, table in schema(text).items():
        lines.append(f"{name} = {{")
        lines.extend(f"    {key!r}: {value!r}," for key, value in table.items())
        lines.extend(["}", ""])
    return "\n".join(lines)


if __name__ == "__main__":
    print(module(DOCUMENT.read_text(encoding="utf-8")), end="")
