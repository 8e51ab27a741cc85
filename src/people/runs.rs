//! Many to many as two columns: the values of key `k` are `values[starts[k]..starts[k + 1]]`.

use rayon::prelude::*;

/// Values by key, where keys are places from zero on.
#[derive(Debug)]
pub(super) struct Runs<T> {
    starts: Vec<u32>,
    values: Vec<T>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { starts: Vec::new(), values: Vec::new() }
    }
}

impl<T: Copy + Ord + Send> Runs<T> {
    /// Groups pairs of a key below `keys` and a value; the values of a key are in order, each once.
    ///
    /// Cost: O(n log n).
    pub(super) fn of(keys: usize, mut pairs: Vec<(u32, T)>) -> Self {
        pairs.par_sort_unstable();
        pairs.dedup();
        let mut starts = vec![0_u32; keys + 1];
        for (key, _) in &pairs {
            starts[*key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        Self { starts, values: pairs.into_iter().map(|(_, value)| value).collect() }
    }
}

impl<T> Runs<T> {
    /// The values of a key; nothing for one that came later.
    pub(super) fn get(&self, key: usize) -> &[T] {
        match (self.starts.get(key), self.starts.get(key + 1)) {
            (Some(start), Some(end)) => &self.values[*start as usize..*end as usize],
            (_, None) | (None, _) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_under_their_key_in_order_and_once() {
        let runs = Runs::of(3, vec![(2, 'b'), (0, 'x'), (2, 'a'), (2, 'b')]);
        let all: Vec<&[char]> = (0..4).map(|key| runs.get(key)).collect();
        assert_eq!(all, [&['x'][..], &[], &['a', 'b'], &[]]);
        assert_eq!(Runs::<char>::default().get(0), &[] as &[char]);
    }
}
