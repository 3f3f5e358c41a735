//! Plots as SVG, without scripts: lines over time and columns of a distribution. Colours are those of the page.

use std::fmt::Write;

use super::scale::{Axis, label, round_up};

/// The space of a plot. There are two, because text in a drawing that shrinks with the screen cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    width: f64,
    height: f64,
    x_ticks: u32,
    class: &'static str,
}

/// For a desktop, two plots beside each other.
pub(super) const WIDE: Size = Size { width: 520.0, height: 260.0, x_ticks: 7, class: "wide" };
/// For a phone.
pub(super) const NARROW: Size = Size { width: 340.0, height: 240.0, x_ticks: 4, class: "narrow" };

const LEFT: f64 = 46.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 36.0;

/// Some numbers over another one.
pub(super) struct LinePlot<'a> {
    /// For those who do not see it.
    pub(super) description: String,
    /// What is across, with its unit.
    pub(super) x: &'a str,
    /// Where the x axis begins.
    pub(super) from: f64,
    /// What is up, with its unit.
    pub(super) y: &'a str,
    /// Where each point is.
    pub(super) xs: &'a [f64],
    /// The lines: a name (empty: no label at its end) and a number for each point.
    pub(super) lines: Vec<(&'a str, Vec<Option<f64>>)>,
    /// A part of the x axis that is another phase, and what it is.
    pub(super) shade: Option<(f64, f64, &'a str)>,
    /// A number that should not be passed.
    pub(super) limit: Option<f64>,
    /// Whether points are drawn, too.
    pub(super) dots: bool,
}

/// How many there are of what.
pub(super) struct ColumnPlot<'a> {
    /// For those who do not see it.
    pub(super) description: String,
    /// What is across, with its unit.
    pub(super) x: &'a str,
    /// What is counted.
    pub(super) y: &'a str,
    /// From, to and how many, side by side.
    pub(super) columns: Vec<(f64, f64, f64)>,
    /// Whether the x axis is logarithmic.
    pub(super) logarithmic: bool,
    /// Places that are pointed out, and what they are.
    pub(super) marks: Vec<(f64, &'static str)>,
}

impl LinePlot<'_> {
    /// As SVG.
    pub(super) fn svg(&self, size: Size) -> String {
        let right = if self.lines.iter().any(|(name, _)| !name.is_empty()) { 40.0 } else { 12.0 };
        let highest = self.lines.iter().flat_map(|(_, ys)| ys.iter().flatten()).copied().fold(0.0, f64::max);
        let highest = self.limit.map_or(highest, |limit| highest.max(limit * 1.1));
        let x = Axis::linear((self.from, self.xs.last().copied().unwrap_or(1.0)), (LEFT, size.width - right));
        let y = Axis::linear((0.0, round_up(highest)), (size.height - BOTTOM, TOP));
        let mut svg = open(size, &self.description);
        if let Some((from, to, what)) = self.shade {
            let (from, to) = (x.place(from), x.place(to));
            let height = size.height - BOTTOM - TOP;
            let _ = write!(
                svg,
                r#"<rect class="shade" x="{from:.1}" y="{TOP}" width="{:.1}" height="{height:.1}"/>"#,
                to - from
            );
            if to - from > 44.0 {
                let _ = write!(
                    svg,
                    r#"<text class="note" x="{:.1}" y="{:.1}">{}</text>"#,
                    from + 5.0,
                    TOP + 13.0,
                    escape(what)
                );
            }
        }
        axes(&mut svg, size, right, (&x, self.x), (&y, self.y));
        if let Some(limit) = self.limit {
            let at = y.place(limit);
            let _ = write!(
                svg,
                r#"<line class="limit" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="note" x="{:.1}" y="{:.1}" text-anchor="end">limit</text>"#,
                size.width - right,
                size.width - right - 4.0,
                at - 4.0
            );
        }
        for (index, (_, ys)) in self.lines.iter().enumerate() {
            self.line(&mut svg, index + 1, ys, &x, &y);
        }
        self.names(&mut svg, size.width - right + 5.0, &y);
        self.hints(&mut svg, size, &x);
        svg + "</svg>"
    }

    fn line(&self, svg: &mut String, number: usize, ys: &[Option<f64>], x: &Axis, y: &Axis) {
        let mut path = String::new();
        let mut pen = 'M';
        for (&at, value) in self.xs.iter().zip(ys) {
            match value {
                Some(value) => {
                    let _ = write!(path, "{pen}{:.1} {:.1}", x.place(at), y.place(*value));
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        let _ = write!(svg, r#"<path class="line s{number}" d="{path}"/>"#);
        if self.dots {
            for (&at, value) in self.xs.iter().zip(ys) {
                if let Some(value) = value {
                    let _ = write!(
                        svg,
                        r#"<circle class="dot s{number}" cx="{:.1}" cy="{:.1}" r="3.5"/>"#,
                        x.place(at),
                        y.place(*value)
                    );
                }
            }
        }
    }

    /// The lines' names at their ends, moved apart where they would lie on each other.
    fn names(&self, svg: &mut String, x: f64, y: &Axis) {
        let mut names: Vec<(f64, usize, &str)> = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| !name.is_empty())
            .filter_map(|(i, (name, ys))| Some((y.place(ys.iter().rev().find_map(|y| *y)?), i + 1, *name)))
            .collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut lowest = f64::INFINITY;
        for (at, number, name) in names {
            let at = at.min(lowest);
            lowest = at - 13.0;
            let _ =
                write!(svg, r#"<text class="name s{number}" x="{x:.1}" y="{:.1}">{}</text>"#, at + 4.0, escape(name));
        }
    }

    /// What is shown when somebody points at a place.
    fn hints(&self, svg: &mut String, size: Size, x: &Axis) {
        let height = size.height - BOTTOM - TOP;
        let mut left = x.place(self.from);
        for (i, &at) in self.xs.iter().enumerate() {
            let right = self.xs.get(i + 1).map_or(x.place(at), |next| x.place((at + next) / 2.0));
            let values: Vec<String> = self
                .lines
                .iter()
                .filter_map(|(name, ys)| Some(format!("{name} {}", label((*ys.get(i)?)?)).trim().to_owned()))
                .collect();
            let values = if values.is_empty() { "nothing".to_owned() } else { values.join(", ") };
            let _ = write!(
                svg,
                r#"<rect class="hint" x="{left:.1}" y="{TOP}" width="{:.1}" height="{height:.1}"><title>{}: {}</title></rect>"#,
                (right - left).max(0.1),
                escape(&label(at)),
                escape(&values)
            );
            left = right;
        }
    }
}

impl ColumnPlot<'_> {
    /// As SVG.
    pub(super) fn svg(&self, size: Size) -> String {
        let right = 12.0;
        let ends = (self.columns.first().map_or(0.0, |c| c.0), self.columns.last().map_or(1.0, |c| c.1));
        let places = (LEFT, size.width - right);
        let x = if self.logarithmic { Axis::logarithmic(ends, places) } else { Axis::linear(ends, places) };
        let highest = self.columns.iter().map(|c| c.2).fold(0.0, f64::max);
        let y = Axis::linear((0.0, round_up(highest * 1.08)), (size.height - BOTTOM, TOP));
        let mut svg = open(size, &self.description);
        axes(&mut svg, size, right, (&x, self.x), (&y, self.y));
        for &(from, to, count) in &self.columns {
            let (left, right) = (x.place(from), x.place(to));
            // What is there is seen, however little it is beside the others.
            let height = if count > 0.0 { (y.place(0.0) - y.place(count)).max(1.5) } else { 0.0 };
            let _ = write!(
                svg,
                r#"<rect class="column" x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}"><title>{} to {}: {}</title></rect>"#,
                left + 0.75,
                y.place(0.0) - height,
                (right - left - 1.5).max(0.5),
                label(from),
                label(to),
                label(count)
            );
        }
        for (row, (at, what)) in self.marks.iter().enumerate() {
            let place = x.place(*at).clamp(places.0, places.1);
            #[expect(clippy::cast_precision_loss, reason = "a few marks")]
            let text = TOP + 10.0 + row as f64 * 14.0;
            let (anchor, beside) = if place > size.width * 0.75 { ("end", -4.0) } else { ("start", 4.0) };
            let _ = write!(
                svg,
                r#"<line class="mark" x1="{place:.1}" x2="{place:.1}" y1="{TOP}" y2="{:.1}"/><text class="note" x="{:.1}" y="{text:.1}" text-anchor="{anchor}">{}</text>"#,
                size.height - BOTTOM,
                place + beside,
                escape(what)
            );
        }
        svg + "</svg>"
    }
}

fn open(size: Size, description: &str) -> String {
    let Size { width, height, class, .. } = size;
    format!(r#"<svg class="{class}" viewBox="0 0 {width} {height}" role="img" aria-label="{}">"#, escape(description))
}

fn axes(svg: &mut String, size: Size, right: f64, (x, x_name): (&Axis, &str), (y, y_name): (&Axis, &str)) {
    let (bottom, end) = (size.height - BOTTOM, size.width - right);
    for tick in y.ticks(4) {
        let at = y.place(tick);
        let class = if tick == 0.0 { "base" } else { "grid" };
        let _ = write!(
            svg,
            r#"<line class="{class}" x1="{LEFT}" x2="{end:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 6.0,
            at + 4.0,
            label(tick)
        );
    }
    for tick in x.ticks(size.x_ticks) {
        let at = x.place(tick);
        let _ = write!(
            svg,
            r#"<line class="base" x1="{at:.1}" x2="{at:.1}" y1="{bottom:.1}" y2="{:.1}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            bottom + 4.0,
            bottom + 17.0,
            label(tick)
        );
    }
    let _ = write!(
        svg,
        r#"<text class="axis" x="{end:.1}" y="{:.1}" text-anchor="end">{}</text><text class="axis" x="0" y="10">{}</text>"#,
        size.height - 4.0,
        escape(x_name),
        escape(y_name)
    );
}

/// For text and attributes of XML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_plot<'a>(xs: &'a [f64], lines: Vec<(&'a str, Vec<Option<f64>>)>) -> LinePlot<'a> {
        LinePlot {
            description: "a < b".to_owned(),
            x: "s",
            from: 0.0,
            y: "ms",
            xs,
            lines,
            shade: None,
            limit: None,
            dots: false,
        }
    }

    #[test]
    fn lines_have_gaps_where_nothing_was_measured() {
        let svg =
            line_plot(&[1.0, 2.0, 3.0, 4.0], vec![("p50", vec![Some(1.0), None, Some(2.0), Some(2.0)])]).svg(WIDE);
        let path = svg.split("class=\"line s1\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert!(svg.contains("aria-label=\"a &lt; b\"") && svg.contains("<title>2: nothing</title>"));
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let same = |name| (name, vec![Some(1.0), Some(1.0)]);
        let svg = line_plot(&[1.0, 2.0], vec![same("p50"), same("p95"), same("p99")]).svg(NARROW);
        let mut ys: Vec<f64> = svg
            .split("class=\"name")
            .skip(1)
            .map(|name| name.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        ys.sort_by(f64::total_cmp);
        assert!(ys.windows(2).all(|pair| pair[1] - pair[0] >= 12.9), "{ys:?}");
    }

    #[test]
    fn nothing_at_all_is_a_plot_too() {
        for size in [WIDE, NARROW] {
            assert!(line_plot(&[], vec![("p50", vec![])]).svg(size).ends_with("</svg>"));
            let columns = ColumnPlot {
                description: String::new(),
                x: "ms",
                y: "packets",
                columns: Vec::new(),
                logarithmic: true,
                marks: Vec::new(),
            };
            assert!(columns.svg(size).ends_with("</svg>"));
        }
    }

    proptest::proptest! {
        #[test]
        fn everything_stays_inside_the_drawing(ys in proptest::collection::vec(0.0..1e7_f64, 1..50)) {
            let xs: Vec<f64> = (1..=50).map(f64::from).take(ys.len()).collect();
            let svg = line_plot(&xs, vec![("p50", ys.into_iter().map(Some).collect())]).svg(WIDE);
            proptest::prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
            let path = svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            for point in path.split(['M', 'L']).filter(|point| !point.is_empty()) {
                let (x, y) = point.split_once(' ').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                proptest::prop_assert!((0.0..=520.0).contains(&x) && (0.0..=260.0).contains(&y), "{point}");
            }
        }
    }
}
