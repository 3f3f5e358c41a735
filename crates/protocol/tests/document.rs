//! docs/PROTOCOL.md names what the types have.

use hubbub_protocol::{CloseCode, ErrorCode};

const DOCUMENT: &str = include_str!("../../../docs/PROTOCOL.md");

#[test]
fn every_error_code_has_its_row() {
    let (_, table) = DOCUMENT.split_once("### Error codes").expect("the table has its head");
    for code in ErrorCode::ALL.map(ErrorCode::as_str) {
        let rows = table.lines().filter(|line| line.starts_with(&format!("| `{code}` | "))).count();
        assert_eq!(rows, 1, "{code}");
    }
}

#[test]
fn every_close_code_has_its_row() {
    for code in [
        CloseCode::Normal,
        CloseCode::GoingAway,
        CloseCode::Unsupported,
        CloseCode::Policy,
        CloseCode::TooBig,
        CloseCode::Unauthorized,
        CloseCode::UnsupportedVersion,
        CloseCode::TimedOut,
    ] {
        let row = format!("| {} | ", code.number());
        assert!(DOCUMENT.lines().any(|line| line.starts_with(&row)), "{code:?}");
    }
}
