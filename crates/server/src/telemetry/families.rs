//! Metric families made of plain numbers.

use hubbub_domain::measure::{self, TIME_BUCKETS};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Labels of a sample.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Labels and a value.
pub(crate) type Sample<T = u64> = (Labels, T);

/// The one sample of a metric without labels.
pub(crate) fn one<T>(value: T) -> Vec<Sample<T>> {
    vec![(Vec::new(), value)]
}

/// A sample a name, which is the value of `label`.
pub(crate) fn by<T: Copy>(label: &'static str, values: &[(&'static str, T)]) -> Vec<Sample<T>> {
    values.iter().map(|(name, value)| (vec![(label, (*name).to_owned())], *value)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no integers; exact up to 2^53")]
pub(crate) const fn float(value: u64) -> f64 {
    value as f64
}

fn floats(samples: Vec<Sample>) -> Vec<Sample<f64>> {
    samples.into_iter().map(|(labels, value)| (labels, float(value))).collect()
}

pub(crate) fn gauge(name: &str, help: &str, samples: Vec<Sample>) -> MetricFamily {
    gauge_f64(name, help, floats(samples))
}

pub(crate) fn gauge_f64(name: &str, help: &str, samples: Vec<Sample<f64>>) -> MetricFamily {
    family(name, help, MetricType::GAUGE, samples, |metric, value| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    })
}

pub(crate) fn counter(name: &str, help: &str, samples: Vec<Sample>) -> MetricFamily {
    counter_f64(name, help, floats(samples))
}

pub(crate) fn counter_f64(name: &str, help: &str, samples: Vec<Sample<f64>>) -> MetricFamily {
    family(name, help, MetricType::COUNTER, samples, |metric, value| {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    })
}

/// What a histogram holds: upper bounds with cumulative counts, how many values there were, and their sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl Distribution {
    /// From counts a bucket, not cumulative, of which there is one more than bounds.
    pub(crate) fn of(bounds: impl Iterator<Item = f64>, counts: &[u64], sum: f64) -> Self {
        let mut cumulative = 0;
        let buckets = bounds.zip(counts).map(|(bound, count)| {
            cumulative += count;
            (bound, cumulative)
        });
        Self { buckets: buckets.collect(), count: counts.iter().sum(), sum }
    }
}

impl From<&measure::Histogram> for Distribution {
    fn from(times: &measure::Histogram) -> Self {
        let buckets = TIME_BUCKETS.iter().copied().zip(times.buckets.iter().copied());
        Self { buckets: buckets.collect(), count: times.count, sum: times.sum }
    }
}

pub(crate) fn histogram(name: &str, help: &str, samples: Vec<Sample<Distribution>>) -> MetricFamily {
    let bucket = |(bound, cumulative)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    };
    family(name, help, MetricType::HISTOGRAM, samples, |metric, values| {
        let mut histogram = Histogram::default();
        histogram.set_bucket(values.buckets.into_iter().map(bucket).collect());
        histogram.set_sample_count(values.count);
        histogram.set_sample_sum(values.sum);
        metric.set_histogram(histogram);
    })
}

fn labels(names: Labels) -> Vec<LabelPair> {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    names.into_iter().map(pair).collect()
}

/// A metric a sample; `set` puts the value in.
fn family<T>(
    name: &str,
    help: &str,
    kind: MetricType,
    samples: Vec<Sample<T>>,
    set: impl Fn(&mut Metric, T),
) -> MetricFamily {
    let metrics = samples.into_iter().map(|(names, value)| {
        let mut metric = Metric::from_label(labels(names));
        set(&mut metric, value);
        metric
    });
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics.collect());
    family
}
