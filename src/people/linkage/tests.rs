#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use muster_testbeds::lookalikes::{Lookalikes, Row};
use proptest::prelude::*;

use super::compare::Pattern;
use super::levels::{EXACT, address, family, given, value};
use super::*;

fn whole(name: &str) -> Entry<'_> {
    Entry { names: vec![Name::Whole(name)], ..Entry::default() }
}

fn parts<'a>(given: &'a str, family: &'a str) -> Entry<'a> {
    Entry { names: vec![Name::Parts { given, family, former: false }], ..Entry::default() }
}

/// How an account compares with a person, each alone.
fn pattern(kinds: &[Kind], account: Entry<'_>, person: Entry<'_>) -> Pattern {
    let linkage = Linkage::new(kinds, std::iter::once(account), vec![0], std::iter::once(person));
    linkage.pairs().compare(0, 0)
}

#[test]
fn names_have_their_levels() {
    use {family as f, given as g};
    for (account, (given, family), wanted) in [
        ("Ada Lovelace", ("Ada", "Lovelace"), (EXACT, EXACT)),
        ("Lovelace, Ada", ("Ada", "Lovelace"), (EXACT, EXACT)),
        ("LOVELACE ADA (EXT)", ("Ada", "Lovelace"), (EXACT, EXACT)),
        ("Joerg Müller", ("Jörg", "Mueller"), (g::SPELLING, f::SPELLING)),
        ("Bill Gates", ("William", "Gates"), (g::SHORT, EXACT)),
        ("Alex Stone", ("Alexandrina", "Stone"), (g::SHORT, EXACT)),
        ("Jonh Smiht", ("John", "Smith"), (g::TYPO, f::TYPO)),
        ("A. Lovelace", ("Ada", "Lovelace"), (g::INITIAL, EXACT)),
        ("Maria Lopez", ("Ana Maria", "López"), (g::MIDDLE, EXACT)),
        ("Carlos García", ("Carlos", "García Márquez"), (EXACT, f::PART)),
        ("Юрий Соколов", ("Yuriy", "Sokolov"), (EXACT, EXACT)),
        ("Kay Schmidt", ("Kai", "Schmitt"), (g::TYPO, f::TYPO)),
        ("Ada", ("Ada", "Lovelace"), (EXACT, MISSING)),
        ("Grace Hopper", ("Ada", "Lovelace"), (g::DIFFERENT, f::DIFFERENT)),
        ("", ("Ada", "Lovelace"), (MISSING, MISSING)),
    ] {
        let found = pattern(&[], whole(account), parts(given, family));
        assert_eq!((found.levels[GIVEN], found.levels[FAMILY]), wanted, "{account} and {given} {family}");
    }
}

#[test]
fn a_name_borne_before_is_a_former_name() {
    let mut person = parts("Ada", "King");
    person.names.push(Name::Parts { given: "Ada", family: "Byron", former: true });
    assert_eq!(pattern(&[], whole("Ada Byron"), person).levels[..2], [EXACT, family::FORMER]);
}

#[test]
fn addresses_have_their_levels() {
    for (account, person, wanted) in [
        ("ada.king@corp.example", "Ada.King@corp.example", EXACT),
        ("ada.king@other.example", "ada.king@corp.example", address::LOCAL),
        ("ada.kign@corp.example", "ada.king@corp.example", address::TYPO),
        ("ada.king2@corp.example", "ada.king@corp.example", address::OTHER),
        ("aking@mail.example", "x1@corp.example", address::SHORT),
        ("ada_king77@mail.example", "x1@corp.example", address::NAME),
        ("zorro@mail.example", "x1@corp.example", address::DIFFERENT),
        // The given name alone says what the display name has said.
        ("ada1980@mail.example", "x1@corp.example", MISSING),
    ] {
        let ours = Entry { addresses: vec![account], ..whole("Ada King") };
        let theirs = Entry { addresses: vec![person], ..parts("Ada", "King") };
        assert_eq!(pattern(&[], ours, theirs).levels[NAMED_ADDRESS], wanted, "{account} and {person}");
    }
}

#[test]
fn values_have_their_levels() {
    for (kind, account, person, wanted) in [
        (Kind::Phone, "+49 (0)171 2345678", "0049 171 2345678", EXACT),
        (Kind::Phone, "0171/2345678", "+49 171 2345678", value::NEAR),
        (Kind::Phone, "+49 171 2345687", "+49 171 2345678", value::TYPO),
        (Kind::Phone, "+49 30 9999999", "+49 171 2345678", value::DIFFERENT),
        (Kind::Phone, "none", "+49 171 2345678", MISSING),
        (Kind::Date, "1980-02-03", "1980-02-03T00:00:00Z", EXACT),
        (Kind::Date, "1980-02-03", "1980-03-02", value::NEAR),
        (Kind::Date, "1980-02-03", "1980-02-08", value::TYPO),
        (Kind::Date, "1980-02-03", "1980-02-28", value::PART),
        (Kind::Date, "1980-02-03", "1991-11-30", value::DIFFERENT),
        (Kind::Code, "SW1A 1AA", "sw1a1aa", EXACT),
        (Kind::Code, "SW1A 1AA", "SW1A 9ZZ", value::NEAR),
        (Kind::Code, "10115", "10116", value::TYPO),
        (Kind::Text, "12 High St.", "12 high street", EXACT),
        (Kind::Text, "Sales", "Sales EMEA", value::NEAR),
        (Kind::Text, "Marketing", "Markting", value::TYPO),
        (Kind::Text, "Sales", "Research", value::DIFFERENT),
    ] {
        let ours = Entry { values: vec![(0, account)], ..Entry::default() };
        let theirs = Entry { values: vec![(0, person)], ..Entry::default() };
        assert_eq!(pattern(&[kind], ours, theirs).levels[VALUES], wanted, "{account} and {person}");
    }
}

/// A number in 0..1 from a place: SplitMix64.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[test]
fn expectation_maximisation_finds_the_shares_that_pairs_were_simulated_with() {
    let kinds = [Kind::Date, Kind::Phone];
    let mut model = Model::assumed(&kinds);
    let fields = [GIVEN, FAMILY, VALUES, VALUES + 1];
    // What is simulated, well away from the priors: exact in `same[i]` of the pairs of one human, else different.
    let same = [0.6, 0.7, 0.95, 0.4];
    let (persons, owned) = (1_000, 0.55);
    let mut state = 42;
    let mut pair = |model: &Model, is_same: bool| {
        let mut levels = [MISSING; MOST];
        for (place, field) in fields.iter().enumerate() {
            let different = u8::try_from(model.levels[*field].len() - 1).unwrap();
            let share = if is_same { same[place] } else { model.other[*field][1] };
            levels[*field] = if draw(&mut state) < share { EXACT } else { different };
        }
        Trained { levels, rarity: 0.0 }
    };
    let sample: Vec<Vec<Trained>> = (0..4_000)
        .map(|account| {
            let mut candidates: Vec<Trained> = (0..3).map(|_| pair(&model, false)).collect();
            if f64::from(account) < 4_000.0 * owned {
                candidates.push(pair(&model, true));
            }
            candidates
        })
        .collect();
    model.learn_same(&sample, persons);
    for (place, field) in fields.iter().enumerate() {
        let learned = model.same[*field][1];
        assert!((learned - same[place]).abs() < 0.05, "field {field}: {learned}, simulated with {}", same[place]);
    }
    assert!((model.owned - owned).abs() < 0.05, "{}", model.owned);
}

/// The highest total weight of any assignment, by trying all.
fn best_total(graph: &Graph, account: usize, used: &mut Vec<u32>) -> i64 {
    if account == graph.groups.len() {
        return 0;
    }
    let mut best = best_total(graph, account + 1, used);
    for edge in graph.range(account) {
        let Edge { person, odds } = graph.edges[edge];
        if odds > 0.0 && !used.contains(&person) {
            used.push(person);
            best = best.max((f64::from(odds) * 1024.0).round() as i64 + best_total(graph, account + 1, used));
            used.pop();
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_assignment_weighs_more_and_nobody_gets_two(
        accounts in prop::collection::vec(prop::collection::btree_map(0_u32..6, -4_i32..40, 0..5), 1..7),
    ) {
        let mut graph = Graph { starts: vec![0], ..Graph::default() };
        for candidates in &accounts {
            graph.edges.extend(candidates.iter().map(|(person, odds)| Edge { person: *person, odds: *odds as f32 / 4.0 }));
            graph.starts.push(graph.edges.len() as u32);
            graph.groups.push(0);
            graph.unseen.push(0.0);
        }
        let found = graph.assign(|_, _| false);
        let chosen: Vec<u32> = found.chosen.iter().flatten().map(|edge| graph.edges[*edge as usize].person).collect();
        let distinct: std::collections::BTreeSet<u32> = chosen.iter().copied().collect();
        prop_assert_eq!(distinct.len(), chosen.len());
        let weights = found.chosen.iter().flatten().map(|edge| (f64::from(graph.edges[*edge as usize].odds) * 1024.0).round() as i64);
        prop_assert_eq!(weights.sum::<i64>(), best_total(&graph, 0, &mut Vec::new()));
        for account in 0..accounts.len() {
            let sum: f32 = graph.range(account).map(|edge| found.beliefs[edge]).sum();
            prop_assert!((0.0..=1.0 + 1e-4).contains(&sum), "{}", sum);
        }
    }
}

#[test]
fn somebody_who_has_an_account_of_the_group_gets_no_second_one() {
    let people = [("Ada", "Lovelace"), ("Grace", "Hopper")];
    let linkage = Linkage::new(
        &[],
        ["Ada Lovelace", "Ada Lovelace"].into_iter().map(whole),
        vec![0, 1],
        people.into_iter().map(|(given, family)| parts(given, family)),
    );
    let outcome = linkage.link(|group, person| (group, person) == (0, 0));
    assert!(outcome.chosen(0).is_none() && !outcome.matches(0).is_empty(), "shown, not chosen");
    assert_eq!(outcome.chosen(1).map(|found| found.person), Some(0), "another group is another system");
}

#[test]
fn two_who_cannot_be_told_apart_share_the_belief() {
    let people = [("Ada", "Lovelace"), ("Ada", "Lovelace"), ("Grace", "Hopper")];
    let people = people.into_iter().map(|(given, family)| parts(given, family));
    let linkage = Linkage::new(&[], std::iter::once(whole("Ada Lovelace")), vec![0], people);
    let outcome = linkage.link(|_, _| false);
    let [first, second, ..] = outcome.matches(0) else { panic!("two candidates") };
    assert!((first.belief - second.belief).abs() < 1e-3 && first.belief < 0.5, "{first:?} {second:?}");
}

fn account(row: &Row) -> Entry<'_> {
    let values =
        vec![(0, row.born.as_str()), (1, row.phone.as_str()), (2, row.postcode.as_str()), (3, row.region.as_str())];
    Entry { names: vec![Name::Whole(&row.name)], addresses: vec![&row.email], values }
}

fn person(row: &Row) -> Entry<'_> {
    let mut names = vec![Name::Parts { given: &row.given, family: &row.family, former: false }];
    if !row.previous.is_empty() {
        names.push(Name::Parts { given: &row.given, family: &row.previous, former: true });
    }
    Entry { names, ..account(row) }
}

fn lookalikes() -> (Lookalikes, Linkage) {
    let all = Lookalikes::new(1_500, 1_600, 77);
    let kinds = [Kind::Date, Kind::Phone, Kind::Code, Kind::Text];
    let groups = vec![0; all.accounts.len()];
    let linkage = Linkage::new(&kinds, all.accounts.iter().map(account), groups, all.people.iter().map(person));
    (all, linkage)
}

#[test]
fn blocking_keeps_the_owner_and_few_others() {
    let (all, linkage) = lookalikes();
    let index = Index::of(&linkage.persons, &linkage.accounts, &linkage.spellings, &linkage.kinds);
    let (mut found, mut kept, mut looked_at, mut owned) = (Found::default(), 0, 0, 0);
    for (place, owner) in all.owners.iter().enumerate() {
        index.find(&linkage.accounts, place, &linkage.spellings, &linkage.kinds, &mut found);
        looked_at += found.persons.len();
        if let Some(owner) = owner {
            owned += 1;
            kept += usize::from(found.persons.contains(&u32::try_from(*owner).unwrap()));
        }
    }
    assert!(kept * 1000 >= owned * 998, "{kept} of {owned} owners");
    assert!(looked_at < all.accounts.len() * 120, "{looked_at} pairs");
}

#[test]
fn links_of_generated_people_are_right_and_the_rate_of_false_ones_is_kept() {
    let (all, linkage) = lookalikes();
    let outcome = linkage.link(|_, _| false);
    let threshold = outcome.threshold(0.001);
    let (mut right, mut wrong) = (0, 0);
    for (place, owner) in all.owners.iter().enumerate() {
        if let Some(chosen) = outcome.chosen(place).filter(|chosen| chosen.belief >= threshold) {
            if *owner == Some(chosen.person as usize) { right += 1 } else { wrong += 1 }
        }
    }
    let owned = all.owners.iter().flatten().count();
    assert!(right * 100 >= owned * 98 && wrong <= 3, "{right} right, {wrong} wrong of {owned}");
    assert!((outcome.owned() - owned as f64 / all.accounts.len() as f64).abs() < 0.03, "{}", outcome.owned());
}

#[test]
fn one_thread_and_eight_give_the_same_bytes() {
    let (_, linkage) = lookalikes();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outcome = pool.install(|| linkage.link(|_, _| false));
        (outcome.matches, outcome.chosen, outcome.model.same)
    };
    assert!(with(1) == with(8));
}

#[test]
fn nothing_to_link_is_linked_to_nothing() {
    let empty = Linkage::new(&[], std::iter::empty(), Vec::new(), std::iter::once(parts("Ada", "Lovelace")));
    assert!((empty.link(|_, _| false).threshold(0.001) - 1.0).abs() < f32::EPSILON);
    let nobody = Linkage::new(&[], std::iter::once(whole("Ada Lovelace")), vec![0], std::iter::empty());
    assert!(nobody.link(|_, _| false).matches(0).is_empty());
}
