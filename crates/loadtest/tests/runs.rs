//! Whole tests against a real server: what the reports say, and how tests end.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail the test")]

mod support;

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{PASSWORD, PATIENCE, Server};
use tempfile::TempDir;
use tokio::process::Command;

/// A server with some accounts, and a file that names them.
struct Stage {
    server: Server,
    folder: TempDir,
    accounts: String,
    emails: Vec<String>,
}

impl Stage {
    async fn with(accounts: usize, settings: &[(&str, &str)]) -> Self {
        let server = Server::start_with(settings).await;
        let emails = server.register(accounts).await;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("accounts.json");
        let list: Vec<Value> = emails.iter().map(|email| json!({"email": email, "password": PASSWORD})).collect();
        std::fs::write(&path, json!(list).to_string()).unwrap();
        Self { server, folder, accounts: path.display().to_string(), emails }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.talkative_command(arguments);
        command.arg("--quiet");
        command
    }

    /// One that says what is going on.
    fn talkative_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubbub-loadtest"));
        command.args(arguments).args(["--url", &self.server.url, "--accounts", &self.accounts]);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// The scenario file with this text.
    fn scenario(&self, text: &str) -> String {
        let path = self.folder.path().join("scenario.toml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The rooms that the first user sees, and how many are in each.
    async fn rooms(&self) -> Vec<Value> {
        let rooms = self.ask_as_owner(Method::GET, "/api/rooms", None).await;
        rooms["rooms"].as_array().unwrap_or_else(|| panic!("no rooms in {rooms}")).clone()
    }

    /// Asks the server in the name of the first user, who owns the test's rooms.
    async fn ask_as_owner(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let client = self.server.client();
        let login = json!({"email": self.emails[0], "password": PASSWORD});
        let login = client.request(Method::POST, "/api/auth/login", None, Some(&login)).await.unwrap();
        client.request(method, path, login["accessToken"].as_str(), body).await.unwrap()
    }
}

fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {stderr}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scenario_ends_in_a_report_in_three_forms() {
    let port = support::free_port();
    let stage = Stage::with(5, &[("METRICS__BIND", &format!("127.0.0.1:{port}"))]).await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/loadtest/smoke.toml");
    let page = stage.folder.path().join("report.html");
    let metrics = format!("http://127.0.0.1:{port}/metrics");
    let arguments = ["run", example, "--json", "--html", page.to_str().unwrap(), "--metrics-url", &metrics];
    let output = stage.run(&arguments).await;
    let json = report(&output);
    assert!(output.status.success(), "{json}");
    assert_eq!((&json["schema"], &json["name"]), (&json!("hubbub-loadtest-report/1"), &json!("Smoke test")));
    let mut peers = json["peers"].clone();
    // A machine that is busy may starve somebody for a moment of these two seconds.
    assert!(peers["starved"].take().is_u64(), "it can be told: {}", json["peers"]);
    let expected =
        json!({"joins": 5, "connected": 5, "failed": 0, "lost": 0, "churned": 0, "silent": 0, "starved": null});
    assert_eq!(peers, expected);
    assert_eq!(json["failures"], json!([]));
    // Each of the two speakers is heard by the four others; packets may be under way at both ends of the window.
    let count = |name: &str| json["media"][name].as_u64().unwrap();
    let (sent, received) = (count("packetsSent"), count("packetsReceived"));
    assert!(sent > 0 && received > sent && received <= (sent + 20) * 4, "{sent} sent, {received} received");
    assert_eq!((count("foreignPackets"), count("undecryptable")), (0, 0));
    for quantiles in [
        &json["joinMilliseconds"]["connected"],
        &json["joinMilliseconds"]["firstPacket"],
        &json["media"]["latencyMilliseconds"],
    ] {
        let of = |name: &str| quantiles[name].as_f64().unwrap();
        assert!(of("p50") > 0.0 && of("p50") <= of("p95") && of("p95") <= of("p99") && of("p99") <= of("max"));
    }
    let mos = json["quality"]["median"]["mos"].as_f64().unwrap();
    assert!((1.0..4.4).contains(&mos), "{mos}");
    assert!(json["server"]["packetsForwarded"].as_f64().unwrap() > 0.0, "{}", json["server"]);
    assert!(json["server"]["cpuSeconds"].as_f64().unwrap() > 0.0, "CPU time is not counted in whole seconds");
    assert!(json["timeline"].as_array().unwrap().iter().any(|moment| moment["measuring"] == true));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("Smoke test"));

    let text = stage.run(&["run", example]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("peers           5 joined, 0 failed, 0 lost"), "{text}");
    assert_eq!(stage.rooms().await, Vec::<Value>::new(), "rooms of the test are deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_decide_about_the_exit_code() {
    let stage = Stage::with(2, &[]).await;
    let common = ["--speakers", "1", "--listeners", "1", "--duration", "500ms", "--json"];
    let output = stage.run(&[&common[..], &["--fail-if-loss-over", "100"]].concat()).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(report(&output)["limits"][0]["kept"], true);
    let output = stage.run(&[&common[..], &["--fail-if-starved-over", "2"]].concat()).await;
    assert_eq!(output.status.code(), Some(0), "there are no more than two");
    assert_eq!(report(&output)["limits"][0]["what"], "starved peers, at most");
    // No call scores that well.
    let output = stage.run(&[&common[..], &["--fail-if-mos-under", "4.5"]].concat()).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report(&output)["limits"][0]["kept"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impairments_and_churn_show_in_the_report() {
    let stage = Stage::with(4, &[]).await;
    let scenario = stage.scenario(
        "speakers = 1\nlisteners = 3\nduration = \"3s\"\n[churn]\nper_minute = 120\n\
         [impairment.down]\nloss_percent = 50\ndelay = \"100ms\"\n",
    );
    let output = stage.run(&["run", &scenario, "--json"]).await;
    let json = report(&output);
    assert!(output.status.success(), "{json}");
    let loss = json["media"]["lossPercent"].as_f64().unwrap();
    assert!((20.0..80.0).contains(&loss), "half of the packets are dropped, {loss} % are reported");
    assert!(json["media"]["latencyMilliseconds"]["p50"].as_f64().unwrap() >= 100.0);
    let peers = |name: &str| json["peers"][name].as_u64().unwrap();
    assert_eq!(peers("joins"), 4 + peers("churned"), "{}", json["peers"]);
    assert!(json["peers"]["starved"].is_null(), "nobody can tell who is starved on a bad network: {}", json["peers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_on_the_way_up_never_leaves_the_server_and_packets_come_out_of_order() {
    let metrics = format!("127.0.0.1:{}", support::free_port());
    let stage = Stage::with(4, &[("METRICS__BIND", &metrics)]).await;
    let scenario = stage.scenario(
        "speakers = 1\nlisteners = 3\nduration = \"8s\"\n[impairment.up]\nloss_percent = 25\n\
         [impairment.down]\nreordering_percent = 20\n",
    );
    let url = format!("http://{metrics}/metrics");
    let output = stage.run(&["run", &scenario, "--json", "--metrics-url", &url]).await;
    let json = report(&output);
    assert!(output.status.success(), "{json}");
    let media = |name: &str| json["media"][name].as_f64().unwrap();
    assert!((10.0..45.0).contains(&media("lossPercent")), "a quarter of the packets is dropped: {}", json["media"]);
    assert!(media("reordered") > 0.0, "{}", json["media"]);
    // Dropped on the way down, the packets of the three listeners would have left the server, and not come.
    let (should, forwarded) = (3.0 * media("packetsSent"), json["server"]["packetsForwarded"].as_f64().unwrap());
    assert!(forwarded < 0.9 * should, "{forwarded} of {should} were forwarded");
    assert!(media("packetsReceived") > 0.85 * forwarded, "{} of {forwarded} came", media("packetsReceived"));

    let scenario =
        stage.scenario("speakers = 1\nlisteners = 3\nduration = \"3s\"\n[impairment.up]\nreordering_percent = 20\n");
    let json = report(&stage.run(&["run", &scenario, "--json"]).await);
    assert!(json["media"]["reordered"].as_u64().unwrap() > 0, "as the server got them: {}", json["media"]);
}

/// What is repaired of 5 % loss, with 50 ms and up to 10 ms more in both directions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_on_a_bad_network_comes_back_as_in_a_browser() {
    let stage = Stage::with(4, &[]).await;
    let bad = "loss_percent = 5\ndelay = \"50ms\"\njitter = \"10ms\"\n";
    let run = async |repair: &str| {
        let scenario = stage.scenario(&format!(
            "speakers = 1\nlisteners = 3\nduration = \"6s\"\n[impairment.up]\n{bad}[impairment.down]\n{bad}[repair]\n{repair}"
        ));
        let output = stage.run(&["run", &scenario, "--json"]).await;
        let json = report(&output);
        assert!(output.status.success(), "{json}");
        json
    };
    let nothing = run("").await;
    let media = |json: &Value, name: &str| json["media"][name].as_f64().unwrap();
    assert!((4.0..20.0).contains(&media(&nothing, "lossPercent")), "a tenth is lost: {}", nothing["media"]);
    let mos = |json: &Value| json["quality"]["median"]["mos"].as_f64().unwrap();
    let of = |json: &Value| ["repairedByNack", "sentAgain", "repairedByRed"].map(|name| media(json, name) > 0.0);
    assert_eq!(of(&nothing), [false; 3], "{}", nothing["media"]);
    let nack = run("nack = true").await;
    assert_eq!(of(&nack), [true, true, false], "both directions repair: {}", nack["media"]);
    // What is still asked for in the end is lost, and one packet lost on the way up is missed three times.
    assert!(media(&nack, "lossPercent") < 3.0, "{}", nack["media"]);
    let red = run("red = true").await;
    assert_eq!(of(&red), [false, false, true], "{}", red["media"]);
    assert!(media(&red, "lossPercent") < 3.0, "only two in a row are lost: {}", red["media"]);
    let both = run("nack = true\nred = true").await;
    assert!(media(&both, "repairedByRed") > 0.0 && media(&both, "lossPercent") < 3.0, "{}", both["media"]);
    // What is asked for comes late, what came before it was missed does not.
    assert!(mos(&red) > mos(&nothing) && mos(&both) > mos(&nothing), "{} {} {}", mos(&nothing), mos(&red), mos(&both));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_pass_on_everybody_who_speaks_is_found_out() {
    let stage = Stage::with(4, &[]).await;
    let room = stage.server.login(&stage.emails[0]).await.unwrap().create_room("Order", 10).await.unwrap().to_string();
    // Two will speak, and one of them is forwarded.
    let one = json!({"maxForwardedSpeakers": 1});
    stage.ask_as_owner(Method::PATCH, &format!("/api/rooms/{room}"), Some(&one)).await;
    let common = ["--speakers", "2", "--listeners", "2", "--duration", "3s", "--json", "--room", &room];
    let output = stage.run(&[&common[..], &["--fail-if-starved-over", "0"]].concat()).await;
    let json = report(&output);
    assert_eq!(output.status.code(), Some(1), "{json}");
    assert_eq!(json["limits"][0]["kept"], false);
    assert!(json["peers"]["starved"].as_u64().unwrap() >= 2, "both who only listen: {}", json["peers"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_told_on_standard_error_while_a_test_runs() {
    let stage = Stage::with(2, &[]).await;
    // Where standard error is no terminal a line comes after 5 s.
    let arguments = ["--speakers", "1", "--listeners", "1", "--duration", "8s", "--json"];
    let output = stage.talkative_command(&arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", report(&output));
    let lines = String::from_utf8(output.stderr).unwrap();
    let is_progress = |line: &str| {
        line.starts_with("measuring, ") && line.contains(" s left: 2 peers, ") && line.contains(" packets/s in, ")
    };
    assert!(lines.lines().any(is_progress), "{lines}");
    assert!(!lines.contains(['\r', '\u{1b}']), "nothing is written over: {lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_test_reports_what_it_has_and_leaves() {
    let stage = Stage::with(3, &[]).await;
    let mut command = stage.command(&["--speakers", "1", "--listeners", "2", "--duration", "1h", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let begin = Instant::now();
    while stage.rooms().await.iter().map(|room| room["participantCount"].as_u64().unwrap()).sum::<u64>() < 3 {
        assert!(begin.elapsed() < PATIENCE, "nobody came: {:?}", stage.rooms().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    kill_process(pid, Signal::INT).unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    let json = report(&output);
    assert_eq!((output.status.code(), &json["interrupted"]), (Some(0), &json!(true)));
    assert_eq!(stage.rooms().await, Vec::<Value>::new(), "everybody has left and the room is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_load_is_looked_for() {
    let stage = Stage::with(6, &[]).await;
    let scenario = stage.scenario(
        "speakers = 1\nlisteners = 1\n[find_max]\nhold = \"1s\"\nmax_loss_percent = 100\nmax_latency_p99 = \"1h\"\n",
    );
    let output = stage.run(&["run", &scenario, "--json", "--at-most", "3"]).await;
    let json = report(&output);
    let loads: Vec<u64> =
        json["findMax"]["trials"].as_array().unwrap().iter().map(|t| t["load"].as_u64().unwrap()).collect();
    assert_eq!((loads, &json["findMax"]["found"]), (vec![1, 2, 3], &json!(3)), "{}", json["findMax"]);
    assert_eq!(json["findMax"]["limitedBy"], "at-most");

    // More listeners than seats: here the server says so.
    let room = stage.server.login(&stage.emails[0]).await.unwrap().create_room("Small", 3).await.unwrap().to_string();
    let output = stage.run(&["run", &scenario, "--json", "--room", &room]).await;
    let json = report(&output);
    assert_eq!((&json["findMax"]["found"], &json["findMax"]["limitedBy"]), (&json!(2), &json!("server")));
    assert!(json["findMax"]["because"].as_str().unwrap().contains("room-full"), "{}", json["findMax"]);
}
