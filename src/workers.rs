//! Work that hands work of its own to polars, side by side.
//!
//! polars computes on threads of its own, and a worker of rayon that waits for them takes up other work meanwhile, on top of its stack: of
//! many small things hundreds come to lie there, and it overflows. Threads that only wait are no way out: whoever waits for them on all
//! workers at once has none left that they may need. So few things are begun at once.

use rayon::prelude::*;

/// Things begun at once. A reading takes less than 10 kB of stack, a worker has 2 MB.
const AT_ONCE: usize = 32;

/// What `work` makes of each item, in their order.
pub(crate) fn side_by_side<T: Send, R: Send>(
    mut items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut done = Vec::with_capacity(items.size_hint().0);
    loop {
        let some: Vec<T> = items.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return done;
        }
        done.par_extend(some.into_par_iter().map(&work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
        assert_eq!(side_by_side(items.iter(), |item| item * 2), doubled);
        assert_eq!(side_by_side(std::iter::empty::<usize>(), |item| item), Vec::<usize>::new());
    }

    /// Many things, each of which waits for another pool and for its own, from all workers at once.
    #[test]
    fn work_that_waits_piles_up_no_higher_than_what_was_begun_and_ends() {
        let pool = || rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (own, other) = (pool(), pool());
        let deepest = AtomicUsize::new(0);
        thread_local! { static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) }; }
        let work = |item: u32| {
            DEPTH.with(|depth| depth.set(depth.get() + 1));
            deepest.fetch_max(DEPTH.with(std::cell::Cell::get), Ordering::Relaxed);
            let sum: u32 = other.install(|| (0..64_u32).into_par_iter().map(|one| one ^ item).sum());
            let both = rayon::join(|| sum, || item);
            DEPTH.with(|depth| depth.set(depth.get() - 1));
            both.0.wrapping_add(both.1)
        };
        own.install(|| rayon::join(|| side_by_side(0..5000, work), || side_by_side(0..5000, work)));
        let deepest = deepest.into_inner();
        assert!(deepest <= 2 * AT_ONCE, "{deepest} on one stack");
    }
}
