use super::*;
use crate::report::build::tests::{report, report_of_a_search, report_with_figures_apart};

/// Names of tags and their classes in order, without what differs from report to report: the page's structure.
fn structure(page: &str) -> String {
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    let mut in_svg = false;
    for tag in tags(page) {
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            if closed == "svg" {
                in_svg = false;
            } else if !in_svg {
                depth -= 1;
            }
            continue;
        }
        if in_svg || matches!(name, "td" | "tr" | "th") {
            depth += usize::from(!in_svg);
            continue;
        }
        in_svg = name == "svg";
        let class = attribute(&tag, "class").map(|class| format!(".{}", class.replace(' ', "."))).unwrap_or_default();
        lines.push(format!("{:width$}{name}{class}", "", width = depth * 2));
        depth += usize::from(!VOID.contains(&name) && !in_svg);
    }
    lines.join("\n") + "\n"
}

const VOID: [&str; 2] = ["meta", "!doctype"];

fn tags(page: &str) -> Vec<String> {
    let body = page.split("<style>").next().unwrap().to_owned() + page.split("</style>").nth(1).unwrap();
    body.split('<').skip(1).map(|part| part.split('>').next().unwrap().to_owned()).collect()
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

/// Whether a tag is a name, and names with quoted values after it.
fn attributes_are_quoted(tag: &str) -> bool {
    let mut rest = tag.trim_end_matches('/').trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    while !rest.is_empty() && !tag.starts_with('!') {
        let Some((name, value)) = rest.split_once("=\"") else { return false };
        let Some((_, after)) = value.split_once('"') else { return false };
        if name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            return false;
        }
        rest = after.trim_start();
    }
    true
}

#[test]
fn every_tag_is_closed_in_order_and_every_attribute_quoted() {
    for page in [page(&report()), page(&report_of_a_search())] {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&page) {
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
            assert!(attributes_are_quoted(&tag), "{tag}");
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "</{tag}>");
            } else if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
                open.push(name);
            }
        }
        assert_eq!(open, Vec::<String>::new(), "everything is closed");
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "ids are unique");
    }
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page(&report_of_a_search());
    for reference in ["src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "xmlns"] {
        assert!(!page.contains(reference), "{reference}");
    }
    // The address of the server is text, not a reference.
    assert_eq!(page.matches("http").count(), 1);
    assert!(page.contains("http:&#x2f;&#x2f;127.0.0.1:8080"));
}

#[test]
fn what_others_wrote_is_text() {
    let mut report = report();
    report.name = "<script>alert(1)</script>".to_owned();
    let page = page(&report);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(page.contains("(&lt;no seat&gt; &amp; &quot;none&quot; left)"));
}

#[test]
fn every_plot_has_a_table_and_a_description() {
    for (page, plots) in [(page(&report()), 7), (page(&report_of_a_search()), 9)] {
        assert_eq!(page.matches("<figure>").count(), plots);
        assert_eq!(page.matches(" as a table</summary>").count(), plots);
        assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 2 * plots, "wide and narrow");
        assert!(!page.contains("NaN") && !page.contains("undefined") && !page.contains(">none<"));
    }
}

#[test]
fn a_test_in_which_nothing_happened_has_a_page() {
    let mut report = report();
    report.media = crate::report::Media::default();
    report.join_milliseconds = crate::report::Joining::default();
    (report.quality, report.server) = (None, None);
    report.server_missing = Some("unknown".to_owned());
    report.timeline = Vec::new();
    report.distributions = crate::report::Distributions::default();
    assert!(page(&report).contains("nothing was heard"));
}

#[test]
fn every_figure_is_in_its_row() {
    let page = page(&report_with_figures_apart());
    for (label, values) in [
        ("DTLS: joined", &["21.0", "21.1", "21.2", "21.3"][..]),
        ("first packet heard", &["31.0", "31.1", "31.2", "31.3"]),
        ("one-way latency", &["1.00", "1.10", "1.20", "1.30"]),
        ("jitter of streams", &["2.00", "2.10", "2.20", "2.30"]),
        ("load tester: sent late by", &["3.00", "3.10", "3.20", "3.30"]),
        ("reordered", &["12"]),
        ("duplicates", &["34"]),
        ("repaired by NACK", &["56"]),
        ("repaired by RED", &["67"]),
        ("sent again by speakers", &["89"]),
        ("repair of losses", &["NACK and RED"]),
        ("packets lost here", &["78"]),
    ] {
        let cells: String = values.iter().map(|value| format!("<td>{value}</td>")).collect();
        let row = format!("<tr><th scope=\"row\">{label}</th>{cells}</tr>");
        assert!(page.contains(&row), "{row}\n{page}");
    }
    for tile in [
        "<dt>Sound, MOS</dt><dd class=\"value\">4.21</dd><dd class=\"more\">worst 3.12, best possible 4.37</dd>",
        "<dt>Load tester CPU</dt><dd class=\"value\">56 <small>%</small></dd>",
        "<strong>1 peer starved:</strong> less than 99.5 % came of what others said.",
    ] {
        assert!(page.contains(tile), "{tile}\n{page}");
    }
}

#[test]
fn verdicts_are_told_apart() {
    let mut report = report();
    let passed = page(&report);
    assert!(passed.contains("Limit passed:</strong> time to join p95 in ms, at most 10, measured 16.7"), "{passed}");
    report.limits.retain(|limit| limit.kept);
    assert!(page(&report).contains("Every limit was kept:"));
    report.generator.overloaded = vec!["it was".to_owned()];
    assert!(page(&report).contains("The load tester was the limit, not the server:"));
    assert!(page(&report_of_a_search()).contains("1\u{202f}200 listeners</strong> is the most"));
}

/// `HUBBUB_UPDATE=1 cargo test -p hubbub-loadtest` writes the file anew.
#[test]
fn the_structure_of_the_page_is_the_one_that_was_reviewed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report-structure.txt");
    let structure = structure(&page(&report_of_a_search()));
    if std::env::var_os("HUBBUB_UPDATE").is_some() {
        std::fs::write(path, &structure).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap();
    assert!(structure == reviewed, "the page's structure is not that of {path}:\n{structure}");
}

#[test]
fn numbers_are_easy_to_read() {
    assert_eq!([0.0, 999.4, 1234.0, 12_345_678.0].map(count), ["0", "999", "1\u{202f}234", "12\u{202f}345\u{202f}678"]);
    assert_eq!([0.123, 9.999, 56.78, 123.4].map(short), ["0.12", "10.0", "56.8", "123"]);
}
