//! Which plots a report has, and the tables that say the same.

use serde::Serialize;

use super::plot::{ColumnPlot, LinePlot, NARROW, WIDE};
use super::scale::label;
use crate::report::{Bucket, Moment, Report};

/// Rows of a table at most: the JSON form has all.
const MOST_ROWS: usize = 60;

/// A plot with its table.
#[derive(Serialize)]
pub(super) struct Figure {
    title: &'static str,
    caption: String,
    /// Twice the same plot: for wide and for narrow screens.
    svg: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// All plots, in groups.
#[derive(Serialize)]
pub(super) struct Figures {
    search: Vec<Figure>,
    time: Vec<Figure>,
    distributions: Vec<Figure>,
}

/// The plots of a report.
pub(super) fn of(report: &Report) -> Figures {
    Figures { search: search(report), time: over_time(report), distributions: distributions(report) }
}

fn search(report: &Report) -> Vec<Figure> {
    let Some(search) = &report.find_max else { return Vec::new() };
    let mut trials: Vec<_> = search.trials.iter().collect();
    trials.sort_by_key(|trial| trial.load);
    #[expect(clippy::cast_precision_loss, reason = "numbers of peers are far below 2^52")]
    let xs: Vec<f64> = trials.iter().map(|trial| trial.load as f64).collect();
    let columns = vec![search.vary, "loss, %", "latency p99, ms", "packets/s", "verdict"];
    let rows: Vec<Vec<String>> = trials
        .iter()
        .map(|trial| {
            vec![
                trial.load.to_string(),
                format!("{:.3}", trial.loss_percent),
                format!("{:.1}", trial.latency_milliseconds.p99),
                super::count(trial.packets_per_second),
                if trial.kept { "kept".to_owned() } else { trial.exceeded.clone() },
            ]
        })
        .collect();
    let figure = |title, y, limit: f64, caption: String, of: fn(&crate::report::Trial) -> f64| {
        let lines = vec![("", trials.iter().map(|trial| Some(of(trial))).collect())];
        let description = format!("{title}: {caption}");
        let from = xs.first().copied().unwrap_or(0.0) * 0.9;
        let plot = LinePlot {
            description,
            x: search.vary,
            from,
            y,
            xs: &xs,
            lines,
            shade: None,
            limit: Some(limit),
            dots: true,
        };
        Figure { title, caption, svg: plot.svg(WIDE) + &plot.svg(NARROW), columns: columns.clone(), rows: rows.clone() }
    };
    let p99 = search.max_latency_p99_milliseconds;
    vec![
        figure(
            "Latency by load",
            "ms (p99)",
            p99,
            format!("Each dot is a load that was tried; {} ms is too much.", label(p99)),
            |t| t.latency_milliseconds.p99,
        ),
        figure(
            "Loss by load",
            "% lost",
            search.max_loss_percent,
            format!("Each dot is a load that was tried; {} % is too much.", label(search.max_loss_percent)),
            |t| t.loss_percent,
        ),
    ]
}

fn over_time(report: &Report) -> Vec<Figure> {
    let moments = &report.timeline;
    if moments.is_empty() {
        return Vec::new();
    }
    let xs: Vec<f64> = moments.iter().map(|moment| moment.seconds).collect();
    let ramp_end = moments.iter().rev().find(|moment| !moment.measuring).map_or(0.0, |moment| moment.seconds);
    let shade = (ramp_end > 0.0).then_some((0.0, ramp_end, "joining"));
    let figure = |title: &'static str, caption: &str, y, lines: Vec<Line>, limit| {
        let rows = table(moments, &lines);
        let columns = std::iter::once("second").chain(lines.iter().map(|line| line.0)).collect();
        let named = lines.len() > 1;
        let plot = LinePlot {
            description: format!("{title}: {caption}"),
            x: "seconds",
            from: 0.0,
            y,
            xs: &xs,
            lines: lines
                .into_iter()
                .map(|(name, of)| (if named { name } else { "" }, moments.iter().map(of).collect()))
                .collect(),
            shade,
            limit,
            dots: false,
        };
        Figure { title, caption: caption.to_owned(), svg: plot.svg(WIDE) + &plot.svg(NARROW), columns, rows }
    };
    let limit = |what: &str| report.limits.iter().find(|limit| limit.what.starts_with(what)).map(|limit| limit.limit);
    vec![
        figure(
            "One-way latency",
            "From a speaker's sending to a listener's socket.",
            "ms",
            vec![("p50", |m| m.latency_p50), ("p95", |m| m.latency_p95), ("p99", |m| m.latency_p99)],
            limit("latency"),
        ),
        figure(
            "Loss",
            "Packets that should have come and did not.",
            "% lost",
            vec![("lost, %", |m| Some(m.loss_percent))],
            limit("loss"),
        ),
        figure(
            "Packets received",
            "By all peers together, a second.",
            "packets/s",
            vec![("packets/s", |m| Some(m.received_per_second))],
            None,
        ),
        #[expect(clippy::cast_precision_loss, reason = "numbers of peers are far below 2^52")]
        figure("Peers", "With a media connection.", "peers", vec![("peers", |m| Some(m.connected as f64))], None),
    ]
}

/// A name, and what of a moment.
type Line = (&'static str, fn(&Moment) -> Option<f64>);

fn table(moments: &[Moment], lines: &[Line]) -> Vec<Vec<String>> {
    let every = moments.len().div_ceil(MOST_ROWS).max(1);
    let row = |moment: &Moment| {
        let values = lines.iter().map(|(_, of)| of(moment).map_or_else(|| "–".to_owned(), label));
        std::iter::once(label(moment.seconds.round())).chain(values).collect()
    };
    moments.iter().step_by(every).map(row).collect()
}

fn distributions(report: &Report) -> Vec<Figure> {
    let latency = report.media.latency_milliseconds;
    let join = report.join_milliseconds.connected;
    let mut figures = Vec::new();
    let of = &report.distributions;
    if !of.latency_milliseconds.is_empty() {
        figures.push(distribution(
            "Latency of packets",
            format!("{} packets.", super::count(to_f64(latency.count))),
            ("ms, logarithmic", "packets"),
            &of.latency_milliseconds,
            true,
            vec![(latency.p50, "p50"), (latency.p95, "p95"), (latency.p99, "p99")],
        ));
    }
    if !of.join_milliseconds.is_empty() {
        figures.push(distribution(
            "Time to join",
            "From opening the WebSocket to a media connection.".to_owned(),
            ("ms, logarithmic", "peers"),
            &of.join_milliseconds,
            true,
            vec![(join.p50, "p50"), (join.p95, "p95")],
        ));
    }
    if !of.mos.is_empty() {
        figures.push(distribution(
            "How it sounds",
            "Estimated mean opinion score of each listener: 1 is bad, 4.4 the best there is on this scale.".to_owned(),
            ("MOS", "listeners"),
            &of.mos,
            false,
            Vec::new(),
        ));
    }
    figures
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

fn distribution(
    title: &'static str,
    caption: String,
    (x, y): (&'static str, &'static str),
    buckets: &[Bucket],
    logarithmic: bool,
    marks: Vec<(f64, &'static str)>,
) -> Figure {
    let columns: Vec<(f64, f64, f64)> = buckets.iter().map(|b| (b.from, b.to, to_f64(b.count))).collect();
    let rows = columns
        .iter()
        .filter(|(_, _, count)| *count > 0.0)
        .map(|(from, to, count)| vec![format!("{} – {}", label(*from), label(*to)), super::count(*count)])
        .collect();
    let plot = ColumnPlot { description: format!("{title}: {caption}"), x, y, columns, logarithmic, marks };
    Figure {
        title,
        caption,
        svg: plot.svg(WIDE) + &plot.svg(NARROW),
        columns: vec![if x == "MOS" { "MOS" } else { "ms" }, y],
        rows,
    }
}
