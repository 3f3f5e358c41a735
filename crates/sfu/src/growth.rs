//! Tables with an entry a peer grow by an eighth at a time: with doubling up to half of what they take would be for nobody.

use slab::Slab;

/// Makes room for one more entry, and for some others if there was none.
pub(crate) fn make_room<T>(slab: &mut Slab<T>) {
    if slab.len() == slab.capacity() {
        slab.reserve_exact((slab.len() / 8).max(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_seldom_enlarged_and_never_much_larger_than_needed() {
        let (mut slab, mut enlarged) = (Slab::new(), 0);
        for number in 1..=10_000 {
            let before = slab.capacity();
            make_room(&mut slab);
            slab.insert(number);
            enlarged += usize::from(slab.capacity() > before);
            assert!(slab.capacity() <= number + (number / 8).max(2), "{} for {number}", slab.capacity());
        }
        assert!(enlarged < 70, "{enlarged} times");
        let full = slab.capacity();
        for key in 0..100 {
            slab.remove(key);
        }
        for number in 0..100 {
            make_room(&mut slab);
            slab.insert(number);
        }
        assert_eq!(slab.capacity(), full, "places that others left are taken first");
    }
}
