//! From numbers to places on a plot, and the numbers that stand beside its axes.

/// An axis: from a range of numbers to a range of places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
    logarithmic: bool,
}

impl Axis {
    /// Numbers between `from` and `to` are between the places `begin` and `end`, in proportion.
    pub(super) fn linear((from, to): (f64, f64), (begin, end): (f64, f64)) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        Self { from, to, begin, end, logarithmic: false }
    }

    /// The same for the numbers' logarithms; they are above 0.
    pub(super) fn logarithmic((from, to): (f64, f64), (begin, end): (f64, f64)) -> Self {
        let from = from.max(1e-6);
        Self { from, to: to.max(from * 2.0), begin, end, logarithmic: true }
    }

    /// The place of a number.
    pub(super) fn place(&self, number: f64) -> f64 {
        let share = if self.logarithmic {
            (number.max(1e-9) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (number - self.from) / (self.to - self.from)
        };
        self.begin + share * (self.end - self.begin)
    }

    /// About so many round numbers on the axis.
    pub(super) fn ticks(&self, about: u32) -> Vec<f64> {
        if self.logarithmic { self.logarithmic_ticks(about) } else { linear_ticks(self.from, self.to, about) }
    }

    fn logarithmic_ticks(&self, about: u32) -> Vec<f64> {
        let within = |steps: &[f64]| -> Vec<f64> {
            #[expect(clippy::cast_possible_truncation, reason = "exponents are small")]
            let (low, high) = (self.from.log10().floor() as i32, self.to.log10().ceil() as i32);
            let decades = (low..=high).map(|exponent| 10_f64.powi(exponent));
            let all = decades.flat_map(|decade| steps.iter().map(move |step| step * decade));
            all.filter(|tick| *tick >= self.from * 0.999 && *tick <= self.to * 1.001).collect()
        };
        [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]]
            .into_iter()
            .map(within)
            .find(|ticks| ticks.len() <= about as usize + 1)
            .unwrap_or_else(|| within(&[1.0]))
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(from: f64, to: f64, about: u32) -> Vec<f64> {
    let raw = (to - from) / f64::from(about.max(1));
    let decade = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|step| *step >= raw * 0.999).unwrap_or(raw);
    let first = (from / step).ceil();
    (0..=about * 2 + 2).map(|n| (first + f64::from(n)) * step).take_while(|tick| *tick <= to + step * 1e-6).collect()
}

/// The smallest round number that is not below `number`, for the end of an axis that begins at 0.
pub(super) fn round_up(number: f64) -> f64 {
    if number <= 0.0 || !number.is_finite() {
        return 1.0;
    }
    let decade = 10_f64.powf(number.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|m| m * decade).find(|step| *step >= number * 0.9999).unwrap_or(number)
}

/// A number beside an axis: no more digits than it needs.
pub(super) fn label(number: f64) -> String {
    let text = match number.abs() {
        n if n >= 1e6 => return format!("{}M", label(number / 1e6)),
        n if n >= 10_000.0 => return format!("{}k", label(number / 1e3)),
        n if n >= 100.0 => format!("{number:.0}"),
        n if n >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn axes_put_numbers_in_their_places() {
        let axis = Axis::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!((axis.place(0.0), axis.place(10.0), axis.place(2.5)), (100.0, 0.0, 75.0));
        assert_eq!(axis.ticks(5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let axis = Axis::logarithmic((1.0, 100.0), (0.0, 200.0));
        assert!((axis.place(10.0) - 100.0).abs() < 1e-9);
        assert_eq!(axis.ticks(8), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(axis.ticks(3), [1.0, 10.0, 100.0]);
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 0.05, 0.1, 2.0, 2.5, 150.0, 20_000.0, 1_500_000.0].map(label);
        assert_eq!(labels, ["0", "0.05", "0.1", "2", "2.5", "150", "20k", "1.5M"]);
        assert_eq!([0.0, 0.34, 7.0, 22.0, 3300.0].map(round_up), [1.0, 0.4, 8.0, 30.0, 4000.0]);
    }

    proptest! {
        #[test]
        fn every_axis_has_some_ticks_within_it(from in 0.0..1e6_f64, more in 1e-6..1e6_f64, about in 3..10_u32) {
            let to = from + more;
            for axis in [Axis::linear((from, to), (0.0, 1.0)), Axis::logarithmic((from, to), (0.0, 1.0))] {
                let ticks = axis.ticks(about);
                prop_assert!(ticks.len() <= 2 * about as usize + 3);
                for tick in ticks {
                    prop_assert!(axis.place(tick) > -0.01 && axis.place(tick) < 1.01, "{tick} of {axis:?}");
                }
            }
            prop_assert!(round_up(more) >= more * 0.9999 && round_up(more) <= more * 2.0);
        }
    }
}
