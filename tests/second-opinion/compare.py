"""Compares the differences that a run found with those that are explained; exits with 1 if they are not the same.

With --incomplete, an explained difference may be missing.
"""

import collections
import json
import pathlib
import sys


def kind(difference):
    """Names a difference by its operation and by what each implementation answered, without values."""
    embedded, moto = difference["embedded"], difference["moto"]
    operation = difference["operation"]
    if difference["repeats_token"]:
        operation += " with a repeated request token"
    if "Limit" in difference["request"] and embedded.get("Count") == difference["request"]["Limit"]:
        operation += " that reaches its limit"
    # Members that are equal do not belong to the difference.
    members = [name for name in sorted({*embedded, *moto}) if embedded.get(name) != moto.get(name)]

    def answer(summary):
        if "error" in summary:
            reasons = summary["reasons"]
            if difference["repeats_token"]:
                # Which of them fail depends on the transaction.
                reasons = sorted({*reasons} - {"None"})
            return " ".join([summary["error"], *map(str, reasons)])
        return " ".join(["answered", *(name for name in members if name in summary)])

    return f"{operation}: {answer(embedded)} / {answer(moto)}"


found = collections.defaultdict(list)
file = pathlib.Path(sys.argv[1])
for line in file.read_text().splitlines() if file.exists() else []:
    difference = json.loads(line)
    found[kind(difference)].append(difference)

explained = json.loads(pathlib.Path(sys.argv[2]).read_text())
for name, differences in sorted(found.items()):
    print(f"{len(differences):6} {name}: {explained.get(name, 'NOT EXPLAINED')}")
    if name not in explained:
        print(json.dumps(differences[0], indent=2)[:4000])
unseen = sorted(set(explained) - set(found)) if "--incomplete" not in sys.argv else []
for name in unseen:
    print(f"       {name}: explained, but no longer found")
sys.exit(bool(unseen or set(found) - set(explained)))
