"""Links the CSV files of `linkage_accuracy --write FOLDER` with Splink, for comparison with benches/linkage.rs.

    python3 -m venv /somewhere/venv && /somewhere/venv/bin/pip install splink==5.0.0 pandas anyascii==0.3.3
    /somewhere/venv/bin/python benches/splink_baseline.py FOLDER

The settings follow Splink's own guides: comparisons with term frequencies, u from random pairs, m by expectation maximisation
in several passes, each blocked on something else, and the best link of each record only. Splink is shown at 0.5, at the threshold
that suits it best on these very data, and at the lowest one that keeps its false links to one in a thousand of its links: the last two
are chosen with the labels, so nobody could know them beforehand.
"""

import os
import resource
import sys
import time

import duckdb
import pandas as pd
import splink.comparison_library as cl
from anyascii import anyascii
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


# Two comparisons of one name each, or one of both: Splink's guides show both.
NAMES_APART = os.environ.get("NAMES_APART") == "1"
# The share of false links that "as linked" keeps: muster's `false_link_rate`.
FALSE_LINK_RATE = 0.001


def fold(text):
    """What a user of Splink would do before linking: romanised, no accents, lower case."""
    if not isinstance(text, str):
        return None
    return anyascii(text).lower().strip() or None


def names(row):
    """Given and family name, from a display name where there is nothing else."""
    if isinstance(row["given"], str):
        return fold(row["given"]), fold(row["family"])
    name = fold(row["name"].replace("(EXT)", ""))
    if "," in name:
        family, given = name.split(",", 1)
        return given.strip(), family.strip()
    given, _, family = name.partition(" ")
    if len(family) > 3 and family[1:3] == ". ":
        family = family[3:]
    return given.strip("."), family


def load(path):
    frame = pd.read_csv(path, dtype=str)
    frame[["first_name", "surname"]] = frame.apply(names, axis=1, result_type="expand")
    for column in ["email", "street", "region"]:
        frame[column] = frame[column].map(fold)
    frame["local"] = frame["email"].map(lambda mail: mail.split("@")[0] if isinstance(mail, str) else None)
    frame["phone"] = frame["phone"].map(lambda phone: "".join(filter(str.isdigit, phone))[-9:] if isinstance(phone, str) else None)
    return frame


def settings(view):
    if NAMES_APART:
        comparisons = [
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
        ]
    else:
        comparisons = [
            cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="full_name"),
        ]
    rules = [
        block_on("first_name", "surname"), block_on("surname", "substr(first_name,1,1)"),
        block_on("first_name", "substr(surname,1,3)"), block_on("surname"),
    ]
    training = [block_on("first_name", "surname")]
    if view != "region":
        comparisons.append(cl.EmailComparison("email").configure(term_frequency_adjustments=True))
        rules += [block_on("email"), block_on("local")]
        training.append(block_on("email"))
    if view in ("all", "noid"):
        comparisons += [
            cl.DateOfBirthComparison("born", input_is_string=True, datetime_format="%Y-%m-%d"),
            cl.LevenshteinAtThresholds("phone", [1, 2]),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.LevenshteinAtThresholds("postcode", [1]),
        ]
        rules += [block_on("born"), block_on("phone"), block_on("postcode", "first_name"), block_on("street")]
        training += [block_on("born"), block_on("phone")]
    if view in ("all", "noid", "region"):
        comparisons.append(cl.ExactMatch("region").configure(term_frequency_adjustments=True))
        if view == "region":
            training.append(block_on("region"))
    if view == "all":
        comparisons.append(cl.LevenshteinAtThresholds("employee_id", [1]))
        rules.append(block_on("employee_id"))
        training.append(block_on("employee_id"))
    return SettingsCreator(
        link_type="link_only", comparisons=comparisons, blocking_rules_to_generate_predictions=rules,
        retain_intermediate_calculation_columns=False,
    ), training


def within(links, owned):
    """What the lowest threshold gives that keeps the share of false links: every score is tried, equal ones together."""
    best, right, wrong = (0.0, 0.0, 0.0, 0, 1.0), 0, 0
    for place, (score, ok) in enumerate(links):
        right, wrong = right + ok, wrong + (not ok)
        last_of_equals = place + 1 == len(links) or links[place + 1][0] < score
        if last_of_equals and wrong <= FALSE_LINK_RATE * (right + wrong):
            precision, recall = right / (right + wrong), right / owned
            best = max(best, (2 * precision * recall / max(precision + recall, 1e-9), precision, recall, wrong, score))
    return best


def run(view, people, accounts):
    start = time.perf_counter()
    api = DuckDBAPI(connection=duckdb.connect())
    for frame in (people, accounts):
        frame["full_name"] = frame["first_name"].fillna("") + " " + frame["surname"].fillna("")
    config, training = settings(view)
    keep = ["unique_id", "first_name", "surname", "full_name", "email", "local", "born", "phone", "street", "postcode", "region", "employee_id"]
    frames = [api.register(people[keep], dataset_display_name="people"), api.register(accounts[keep], dataset_display_name="accounts")]
    linker = Linker(frames, config)
    share = 3900 / (len(people) * len(accounts))
    rules = [block_on("first_name", "surname")] + ([block_on("email")] if view != "region" else [])
    try:
        linker.training.estimate_probability_two_random_records_match(rules, recall=0.8)
    except Exception as error:
        print("  prior:", error, share, file=sys.stderr)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in training:
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
        except Exception as error:  # a rule with which nothing can be estimated
            print("  training:", str(error)[:100], file=sys.stderr)
    found = linker.inference.predict(threshold_match_probability=0.0001).as_pandas_dataframe()
    took = time.perf_counter() - start
    truth = {(p, a) for a, p in zip(accounts["unique_id"], accounts["owner"]) if isinstance(p, str)}
    side = found["unique_id_l"].str.startswith("P")
    found["person"] = found["unique_id_l"].where(side, found["unique_id_r"])
    found["account"] = found["unique_id_r"].where(side, found["unique_id_l"])
    found = found.sort_values(["match_probability", "match_weight"], ascending=False)
    # One account a person, one person an account: the strongest pairs first, as cluster_using_single_best_links does.
    persons, used, links = set(), set(), []
    for row in found.itertuples():
        if row.person not in persons and row.account not in used:
            persons.add(row.person)
            used.add(row.account)
            links.append((row.match_probability, (row.person, row.account) in truth))
    best = None
    for threshold in [0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 0.99999]:
        right = sum(1 for p, ok in links if p >= threshold and ok)
        wrong = sum(1 for p, ok in links if p >= threshold and not ok)
        precision, recall = right / max(right + wrong, 1), right / len(truth)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        row = (f1, precision, recall, wrong, threshold)
        if threshold == 0.5 or threshold == 0.99:
            print(f"{view:8} splink at {threshold}: F1 {f1:.4f} precision {precision:.4f} recall {recall:.4f} false {wrong}")
        best = max(best or row, row)
    f1, precision, recall, wrong, threshold = best
    row = within(links, len(truth))
    print(f"{view:8} splink within 1 false link in {1 / FALSE_LINK_RATE:.0f}, from {row[4]:.6f}: F1 {row[0]:.4f} precision {row[1]:.4f} recall {row[2]:.4f} false {row[3]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{view:8} splink at its best, {threshold}: F1 {f1:.4f} precision {precision:.4f} recall {recall:.4f} false {wrong}; {took:.1f} s, {peak:.0f} MiB")


if __name__ == "__main__":
    folder = sys.argv[1]
    people, accounts = load(f"{folder}/people.csv"), load(f"{folder}/accounts.csv")
    for view in sys.argv[2:] or ["all", "noid", "region", "thin"]:
        run(view, people.copy(), accounts.copy())
