"""The night after: an estate of `make_estate bulk` with one row in a hundred of every table added, removed or changed.

    python3 benches/next_night.py estate next
    cd next && muster collect --store ../estate/.muster

The same every time: rows are drawn with fixed seeds.
"""

import pathlib
import random
import shutil
import sys

SHARE = 0.01


def person(row, _):
    """Whoever works leaves."""
    if row[3] == "active":
        row[3], row[6] = "terminated", "2026-11-01"
    return [row]


def account(row, dice):
    """Gone, switched on or off, or used again."""
    pick = dice.random()
    if pick < 0.2:
        return []
    if pick < 0.5:
        row[6] = "disabled" if row[6] == "active" else "active"
    else:
        row[8] = "2026-11-03T01:00:00Z"
    return [row]


def grant(row, dice):
    """Gone, joined by another one, or given again."""
    pick = dice.random()
    if pick < 0.33:
        return []
    if pick < 0.66:
        other = [row[0], f"role-{dice.randrange(200)}", f"resource-{dice.randrange(5000)}", row[3], "baseline"]
        return [row, other]
    row[3] = "2026-10-30T00:00:00Z"
    return [row]


def membership(row, dice):
    """Half of those that are drawn are gone."""
    return [] if dice.random() < 0.5 else [row]


def rewrite(source, target, change, seed):
    dice = random.Random(seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open() as rows, target.open("w") as out:
        out.write(next(rows))
        for line in rows:
            if dice.random() < SHARE:
                # Bulk estates quote nothing: no value has a comma.
                out.writelines(",".join(row) + "\n" for row in change(line.rstrip("\n").split(","), dice))
            else:
                out.write(line)


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    rewrite(source / "people.csv", target / "people.csv", person, 1)
    for number, system in enumerate(sorted(source.glob("system-*"))):
        there = target / system.name
        rewrite(system / "accounts.csv", there / "accounts.csv", account, 10 + number)
        rewrite(system / "grants.csv", there / "grants.csv", grant, 20 + number)
        rewrite(system / "memberships.csv", there / "memberships.csv", membership, 30 + number)
        shutil.copy(system / "groups.csv", there / "groups.csv")
    config = (source / "muster.toml").read_text()
    (target / "muster.toml").write_text(config.replace("2026-11-02T0", "2026-11-03T0"))


main()
