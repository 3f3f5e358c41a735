//! Plots as SVG, readable on white and on black.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 80.0;
const BAR: f64 = 22.0;
const GAP: f64 = 14.0;
/// Distinguishable for the colour-blind (Okabe and Ito): blue, orange, green.
const COLOURS: [&str; 3] = ["#0072b2", "#e69f00", "#009e73"];
const STYLE: &str =
    "text{font:13px sans-serif;fill:#666}.t{font-weight:bold;font-size:15px}line,path{stroke:#999;fill:none}";

/// A group of bars: what it is, and a value for each series; `None` where there is none.
pub(crate) type Group = (String, Vec<Option<f64>>);

/// Horizontal bars, less is better.
pub(crate) fn bars(title: &str, unit: &str, series: &[&str], groups: &[Group]) -> String {
    let most = groups.iter().flat_map(|(_, values)| values).flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let mut body = String::new();
    let mut y = 70.0;
    for (name, values) in groups {
        let middle = y + BAR * values.len() as f64 / 2.0 + 5.0;
        text(&mut body, LEFT - 10.0, middle, "end", "", name);
        for (index, value) in values.iter().enumerate() {
            if let Some(value) = value {
                let width = value * scale;
                let colour = COLOURS[index % COLOURS.len()];
                let _ = write!(
                    body,
                    r#"<rect x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{}" fill="{colour}"/>"#,
                    BAR - 3.0
                );
                text(&mut body, LEFT + width + 6.0, y + 14.0, "start", "", &format!("{value:.1}"));
            } else {
                text(&mut body, LEFT + 6.0, y + 14.0, "start", "", "not reached");
            }
            y += BAR;
        }
        y += GAP;
    }
    document(&format!("{title} ({unit}, less is better)"), series, &body, y + 6.0)
}

/// Lines over a number: what each is called, and its points.
pub(crate) fn lines(title: &str, across: &str, up: &str, series: &[(&str, Vec<(f64, f64)>)]) -> String {
    const TOP: f64 = 70.0;
    const HEIGHT: f64 = 260.0;
    const START: f64 = 60.0;
    let points = || series.iter().flat_map(|(_, points)| points);
    let (most_x, most_y) =
        points().fold((1.0_f64, f64::MIN_POSITIVE), |(x, y), point| (x.max(point.0), y.max(point.1)));
    let most_y = most_y * 1.1;
    let place = |(x, y): (f64, f64)| (START + x / most_x * (WIDTH - START - 40.0), TOP + HEIGHT - y / most_y * HEIGHT);
    let mut body = String::new();
    let (right, bottom) = place((most_x, 0.0));
    let _ = write!(
        body,
        r#"<line x1="{START}" y1="{bottom}" x2="{right}" y2="{bottom}"/><line x1="{START}" y1="{TOP}" x2="{START}" y2="{bottom}"/>"#
    );
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let (x, _) = place((most_x * share, 0.0));
        text(&mut body, x, bottom + 18.0, "middle", "", &format!("{:.0}", most_x * share));
        let (_, y) = place((0.0, most_y * share));
        text(&mut body, START - 8.0, y + 4.0, "end", "", &format!("{:.1}", most_y * share));
    }
    text(&mut body, f64::midpoint(START, right), bottom + 38.0, "middle", "", across);
    for (index, (_, points)) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> =
            points.iter().map(|&point| place(point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ =
            write!(body, r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, path.join(" "));
        for (x, y) in points.iter().map(|&point| place(point)) {
            let _ = write!(body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#);
        }
    }
    let names: Vec<&str> = series.iter().map(|(name, _)| *name).collect();
    document(&format!("{title} ({up})"), &names, &body, bottom + 50.0)
}

fn document(title: &str, series: &[&str], body: &str, height: f64) -> String {
    let mut head = String::new();
    text(&mut head, 10.0, 24.0, "start", "t", title);
    for (index, name) in series.iter().enumerate() {
        let x = 10.0 + 160.0 * index as f64;
        let colour = COLOURS[index % COLOURS.len()];
        let _ = write!(head, r#"<rect x="{x}" y="38" width="12" height="12" fill="{colour}"/>"#);
        text(&mut head, x + 18.0, 49.0, "start", "", name);
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{}"><style>{STYLE}</style>{head}{body}</svg>
"#,
        escape(title)
    )
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
    let text = escape(text);
    // Writing to a string cannot fail.
    let _ = write!(out, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
