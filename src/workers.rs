//! Work that hands work of its own to polars, side by side.
//!
//! polars computes on threads of its own, and a worker of rayon that waits for them takes up other work meanwhile, on top of its stack:
//! of many small things hundreds come to lie there, and it overflows. Threads of this module do nothing while they wait.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of each item, in their order.
///
/// Cost: as many threads as rayon has, for as long as there are items; each takes the next one that nobody has.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = rayon::current_num_threads().min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        // None of it here: this may be a worker of rayon.
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        let done = threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        done.collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(side_by_side(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(side_by_side(&[] as &[usize], |item| *item), Vec::<usize>::new());
    }

    #[test]
    fn work_is_never_taken_up_while_other_work_of_the_thread_waits() {
        let items: Vec<u32> = (0..2000).collect();
        let other = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let deepest = AtomicUsize::new(0);
        thread_local! { static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) }; }
        let work = |item: &u32| {
            DEPTH.with(|depth| depth.set(depth.get() + 1));
            deepest.fetch_max(DEPTH.with(std::cell::Cell::get), Ordering::Relaxed);
            let sum: u32 = other.install(|| (0..64_u32).into_par_iter().map(|one| one ^ item).sum());
            DEPTH.with(|depth| depth.set(depth.get() - 1));
            sum
        };
        rayon::join(|| side_by_side(&items, work), || side_by_side(&items, work));
        assert_eq!(deepest.into_inner(), 1);
    }
}
