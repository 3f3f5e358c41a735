//! A network of its own for a test, whose root it is: ports below 1024 and a firewall, and nothing of the machine's.

use std::process::{Command, Output, Stdio};

use crate::harness::Setup;

/// Starts the server and waits until it is ready; it ends with the script.
pub(crate) const SERVER: &str = "$HUBBUB serve 2>/dev/null & trap \"kill $!\" EXIT; \
    for i in $(seq 150); do $HUBBUB healthcheck --ready 2>/dev/null && break; sleep 0.2; done; ";

/// Runs a shell script there, with the environment that `setup` starts servers with; `$HUBBUB` is the program. `None` where this
/// user may make no such network, or where the tool that the script needs is missing: then the test's output says so.
#[expect(clippy::print_stderr, reason = "a test that could not look says so")]
pub(crate) fn within(setup: &Setup, tool: &str, script: &str) -> Option<Output> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "--kill-child", "sh", "-c"]);
        command
    };
    let may = unshare().arg(format!("ip link set lo up && command -v {tool}")).stdin(Stdio::null()).output();
    if !may.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: no network of its own is to be had here (unshare --map-root-user --net), or no {tool}: {may:?}"
        );
        return None;
    }
    let hubbub = setup.command();
    let mut command = unshare();
    command.arg(format!("set -u; ip link set lo up; {script}")).stdin(Stdio::null()).current_dir(setup.folder.path());
    for (name, value) in hubbub.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Some(command.env("HUBBUB", hubbub.get_program()).output().unwrap())
}
