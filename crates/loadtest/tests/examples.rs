//! The scenarios that people begin with are right.

use std::path::Path;

use hubbub_loadtest::Scenario;

#[test]
fn every_example_is_a_scenario_with_a_name() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/loadtest"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario = Scenario::read(&path).unwrap_or_else(|e| panic!("{e}"));
        assert_ne!(scenario.name, "", "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["bad-network.toml", "find-max.toml", "lecture.toml", "meetings.toml", "smoke.toml"]);
}
