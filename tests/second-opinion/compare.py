"""Compares the differences that a run found with those that are explained; exits with 1 if they are not the same."""

import collections
import json
import pathlib
import sys


def kind(difference):
    """Names a difference by its operation and by what each answered, without values."""

    def answer(summary):
        if "error" in summary:
            return " ".join([summary["error"], *(str(reason) for reason in summary["reasons"])])
        return "answered"

    return f"{difference['operation']}: {answer(difference['embedded'])} / {answer(difference['moto'])}"


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
unseen = sorted(set(explained) - set(found))
for name in unseen:
    print(f"       {name}: explained, but no longer found")
sys.exit(bool(unseen or set(found) - set(explained)))
