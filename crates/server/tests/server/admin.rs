//! `hubbub admin` beside a running server, on both databases, and what it says to input that cannot be.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, Setup, User};
use crate::postgres::Cluster;

/// Runs `hubbub admin …` to its end, with `input` on standard input.
fn admin_with(setup: &Setup, arguments: &[&str], input: &str) -> Output {
    let mut command = setup.command();
    command.arg("admin").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It need not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn admin(setup: &Setup, arguments: &[&str]) -> Output {
    admin_with(setup, arguments, "")
}

/// What it printed, where it must succeed.
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

/// The one line it complained in, with this exit code.
fn refused(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty() && text.lines().count() == 1 && text.starts_with("hubbub: "), "{text}");
    text.trim_end().to_owned()
}

fn accounts(path: &Path) -> Vec<Value> {
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn with_token(token: &Value) -> User {
    User { access: token.as_str().unwrap().to_owned(), refresh: String::new() }
}

async fn me(server: &Server, token: &Value) -> (u16, Value) {
    server.get("/api/users/me", Some(&with_token(token))).await
}

async fn everything(setup: &Setup) {
    let server = setup.start().await;
    let file = setup.folder.path().join("accounts.json");
    let shown = file.display().to_string();

    // Many users, at work at once.
    let made = done(&admin(setup, &["users", "create", "--count", "12", "--prefix", "load", "--json", &shown]));
    assert_eq!(made, "made 12 users: load-01 to load-12");
    let list = accounts(&file);
    assert_eq!((list.len(), &list[6]["email"]), (12, &json!("load-07@load.invalid")));
    let (status, seventh) = me(&server, &list[6]["accessToken"]).await;
    assert_eq!((status, &seventh["username"]), (200, &json!("load-07")), "{seventh}");
    let login = json!({ "email": "load-07@load.invalid", "password": "!" });
    let (status, answer) = server.post("/api/auth/login", None, &login).await;
    assert_eq!((status, &answer["code"]), (401, &json!("invalid-credentials")), "no password is right");

    // The same again: neither the file nor the users are touched.
    let again = ["users", "create", "--count", "12", "--prefix", "load", "--json"];
    let line = refused(&admin(setup, &[&again[..], &[&shown]].concat()), 2);
    assert!(line.contains("accounts.json exists and is not overwritten"), "{line}");
    let other = setup.folder.path().join("other.json");
    let line = refused(&admin(setup, &[&again[..], &[&other.display().to_string()]].concat()), 2);
    assert!(line.contains("load-01@load.invalid"), "{line}");
    assert!(!other.exists(), "no file is left behind");

    // A room for them, in which a socket opened with such a token sits.
    let create = ["rooms", "create", "--name", "Load", "--owner", "load-01", "--max-participants", "500"];
    let create = [&create[..], &["--max-forwarded-speakers", "3"]].concat();
    let room = done(&admin(setup, &create));
    let (status, found) = server.get(&format!("/api/rooms/{room}"), Some(&with_token(&list[1]["accessToken"]))).await;
    assert_eq!((status, &found["maxParticipants"], &found["name"]), (200, &json!(500), &json!("Load")), "{found}");
    assert_eq!(found["maxForwardedSpeakers"], 3);
    let mut socket = server.socket(&with_token(&list[1]["accessToken"])).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    assert_eq!(socket.wait_for("joined").await["room"]["name"], "Load");

    // Tokens for one, and for all of the file.
    let token = Value::from(done(&admin(setup, &["tokens", "mint", "--user", "load-03@load.invalid", "--ttl", "10m"])));
    assert_eq!(me(&server, &token).await.1["username"], "load-03");
    assert_eq!(done(&admin(setup, &["tokens", "mint", "--accounts", &shown])), "made new tokens for 12 users");
    let renewed = accounts(&file);
    assert_ne!(renewed[6]["accessToken"], list[6]["accessToken"]);
    assert_eq!(me(&server, &renewed[6]["accessToken"]).await.1["username"], "load-07");
    assert_eq!(me(&server, &list[6]["accessToken"]).await.0, 200, "the old one lives until its own end");

    // One person, whose password is typed or made up.
    let ada = ["users", "create", "--email", "ada@example.org", "--username", "ada", "--password", "stdin"];
    assert_eq!(done(&admin_with(setup, &ada, "a quiet harbour at 7\n")), "made ada");
    server.login("ada").await;
    let printed = done(&admin(setup, &["users", "create", "--email", "bob@example.org", "--username", "bob"]));
    let password = printed.strip_prefix("made bob\npassword: ").expect("the password is printed");
    let login = json!({ "email": "bob@example.org", "password": password });
    assert_eq!(server.post("/api/auth/login", None, &login).await.0, 200);

    // Going: people with a password never do.
    let mine = ["users", "create", "--email", "carol@example.org", "--username", "load-carol", "--password", "stdin"];
    done(&admin_with(setup, &mine, "a quiet harbour at 7"));
    assert_eq!(done(&admin(setup, &["users", "list", "--prefix", "load"])).lines().count(), 12);
    let delete = ["users", "delete", "--prefix", "load"];
    assert!(refused(&admin(setup, &delete), 2).contains("12 users and their rooms would be deleted; add --yes"));
    assert_eq!(done(&admin(setup, &[&delete[..], &["--yes"]].concat())), "deleted 12 users");
    assert_eq!(me(&server, &renewed[6]["accessToken"]).await.0, 401);
    assert_eq!(socket.close_code().await, 4401, "the server heard of it at once");
    assert_eq!(done(&admin(setup, &["users", "list", "--prefix", "load"])), "");
    assert_eq!(done(&admin(setup, &["users", "list"])).lines().count(), 3);
    let line = refused(&admin(setup, &[&delete[..], &["--yes"]].concat()), 2);
    assert!(line.contains("no user without a password"), "{line}");
    let login = json!({ "email": "carol@example.org", "password": "a quiet harbour at 7" });
    assert_eq!(server.post("/api/auth/login", None, &login).await.0, 200);
}

/// One JSON object a line.
fn rows(output: &Output) -> Vec<Value> {
    done(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Roles, blocked users, live calls and the audit log, all of it beside a server and some of it without one.
async fn looking_after(setup: &Setup) {
    let mut server = setup.start().await;
    let (ada, bob) = (server.user("ada").await, server.user("bob").await);
    let (_, me) = server.get("/api/users/me", Some(&ada)).await;
    assert_eq!(me["role"], "admin", "the first who proved an address");
    let room = server.room(&bob, "Tea").await;
    assert_eq!(done(&admin(setup, &["live", "rooms"])), "");

    // Roles. Somebody is always left.
    assert!(refused(&admin(setup, &["revoke", "ada"]), 2).contains("ada is the last admin"));
    assert!(refused(&admin(setup, &["users", "block", "ada"]), 2).contains("ada is the last admin"));
    assert_eq!(done(&admin(setup, &["grant", "bob@example.org"])), "bob is an admin now");
    assert_eq!(server.get("/api/admin/users", Some(&bob)).await.0, 200);
    assert_eq!(done(&admin(setup, &["grant", "bob"])), "bob is an admin already");
    assert_eq!(done(&admin(setup, &["revoke", "bob"])), "bob is no admin any more");
    assert_eq!(server.get("/api/admin/users", Some(&bob)).await.0, 403);

    // Live calls.
    let mut socket = server.socket(&bob).await;
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    let rooms = rows(&admin(setup, &["live", "rooms", "--json"]));
    assert_eq!((rooms.len(), &rooms[0]["name"], &rooms[0]["participantCount"]), (1, &json!("Tea"), &json!(1)));
    assert_eq!(done(&admin(setup, &["live", "rooms"])), format!("{room}\t1\tpublic\tTea"));
    let peers = rows(&admin(setup, &["live", "peers", &room, "--json"]));
    assert_eq!((&peers[0]["username"], &peers[0]["online"]), (&json!("bob"), &json!(true)));
    let seat = peers[0]["id"].as_str().unwrap();
    assert!(done(&admin(setup, &["live", "peers", &room])).starts_with(&format!("{seat}\tbob\t-\t")));
    assert_eq!(done(&admin(setup, &["live", "mute", seat])), "muted");
    assert_eq!(socket.wait_for("mute-info").await["mutedByModerator"], true);
    assert_eq!(done(&admin(setup, &["live", "unmute", seat])), "may speak again");
    assert_eq!(done(&admin(setup, &["live", "kick", seat])), "sent out");
    assert_eq!(socket.wait_for("left").await["reason"], "kicked");
    assert!(refused(&admin(setup, &["live", "kick", seat]), 2).contains("nobody has this seat"));
    socket.send(json!({ "type": "join", "roomId": room })).await;
    socket.wait_for("joined").await;
    assert_eq!(done(&admin(setup, &["live", "close", &room])), "sent out 1 people");
    assert_eq!(socket.wait_for("left").await["reason"], "room-closed");

    // Who is blocked is out at once.
    assert_eq!(done(&admin(setup, &["users", "block", "bob"])), "bob is blocked now, and all logins have ended");
    assert_eq!(socket.close_code().await, 4403);
    assert_eq!(server.get("/api/users/me", Some(&bob)).await.0, 401);
    let login = json!({ "email": "bob@example.org", "password": crate::harness::PASSWORD });
    let (status, answer) = server.post("/api/auth/login", None, &login).await;
    assert_eq!((status, &answer["code"]), (403, &json!("account-blocked")));
    assert!(refused(&admin(setup, &["tokens", "mint", "--user", "bob"]), 2).contains("bob is blocked"));
    let blocked = rows(&admin(setup, &["users", "list", "--state", "blocked", "--json"]));
    assert_eq!((blocked.len(), &blocked[0]["email"]), (1, &json!("bob@example.org")));
    assert!(done(&admin(setup, &["users", "list", "--search", "ADA"])).ends_with("\tada\tada@example.org\tadmin"));
    assert_eq!(done(&admin(setup, &["users", "unblock", "bob"])), "bob can log in again");

    let bob = server.login("bob").await;
    let mut socket = server.socket(&bob).await;
    assert_eq!(done(&admin(setup, &["users", "end-sessions", "bob"])), "all logins of bob have ended");
    assert_eq!(socket.close_code().await, 4401);
    let line = done(&admin(setup, &["rooms", "list", "--search", "TE"]));
    let [id, owner, seen, name] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert_eq!((id, owner, seen, name), (room.as_str(), "bob", "public", "Tea"));
    assert_eq!(done(&admin(setup, &["rooms", "list", "--search", "coffee"])), "");
    let listed = rows(&admin(setup, &["rooms", "list", "--json"]));
    assert_eq!((listed.len(), &listed[0]["name"], &listed[0]["isPrivate"]), (1, &json!("Tea"), &json!(false)));
    assert!(refused(&admin(setup, &["rooms", "delete", &room]), 2).contains("the room \"Tea\" would be deleted"));
    assert_eq!(done(&admin(setup, &["rooms", "delete", &room, "--yes"])), "deleted \"Tea\"");

    // Somebody with a password and a login goes when told to by name, and an admin not before being none.
    let dora = server.user("dora").await;
    let mut socket = server.socket(&dora).await;
    assert!(
        refused(&admin(setup, &["users", "delete", "dora"]), 2).contains("dora and 0 rooms of theirs would be deleted")
    );
    assert_eq!(done(&admin(setup, &["users", "delete", "dora@example.org", "--yes"])), "deleted dora");
    assert_eq!(socket.close_code().await, 4401);
    assert_eq!(server.get("/api/users/me", Some(&dora)).await.0, 401);
    assert!(refused(&admin(setup, &["users", "delete", "ada", "--yes"]), 2).contains("ada is an admin"));

    // All of it was written down, and the server is not needed to read it.
    server.signal("TERM");
    assert!(server.ended().await.success());
    assert!(!setup.data().join("admin.sock").exists(), "the socket went with the server");
    let line = refused(&admin(setup, &["live", "rooms"]), 1);
    assert!(line.contains("no server runs on the data folder"), "{line}");
    let made =
        ["users", "create", "--email", "carol@example.org", "--username", "carol", "--password", "none", "--admin"];
    assert_eq!(done(&admin(setup, &made)), "made carol");
    let entries = rows(&admin(setup, &["audit", "--json"]));
    let actions: Vec<&str> = entries.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "admin-granted",
            "admin-granted",
            "admin-revoked",
            "participant-muted",
            "participant-unmuted",
            "participant-kicked",
            "room-closed",
            "user-blocked",
            "user-unblocked",
            "sessions-ended",
            "room-deleted",
            "user-deleted",
            "user-created",
            "admin-granted",
        ]
    );
    assert_eq!(entries.last().unwrap()["actorKind"], "server");
    assert_eq!(entries[0]["actorKind"], "operator");
    let bobs = admin(setup, &["audit", "--user", "bob", "--action", "user-blocked"]);
    assert!(done(&bobs).contains("\t(operator)\tuser-blocked\tbob\t-"), "{}", done(&bobs));
    assert_eq!(rows(&admin(setup, &["users", "list", "--state", "admin", "--json"])).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_looks_after_a_running_server() {
    looking_after(&Setup::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_works_beside_a_server_on_sqlite() {
    everything(&Setup::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_works_beside_a_server_on_postgres() {
    let cluster = tokio::task::spawn_blocking(Cluster::new).await.unwrap();
    everything(&Setup::new().with("HUBBUB__STORAGE__URL", &cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_said_in_one_line() {
    let setup = Setup::new();
    let nothing = refused(&admin(&setup, &["users", "list"]), 1);
    assert!(nothing.contains("has no secret.key: start the server once"), "{nothing}");
    assert!(!setup.data().exists(), "and nothing was made");

    drop(setup.start().await);
    let file = setup.folder.path().join("accounts.json").display().to_string();
    let bulk = |count: &'static str, prefix: &'static str| {
        ["users", "create", "--count", count, "--prefix", prefix, "--json"].map(str::to_owned).to_vec()
    };
    let one = |email: &'static str, username: &'static str| {
        ["users", "create", "--email", email, "--username", username].map(str::to_owned).to_vec()
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let plus = |mut list: Vec<String>, more: &[&str]| {
        list.extend(more.iter().map(|&word| word.to_owned()));
        list
    };
    for (arguments, expected) in [
        (words("users create"), "--count <COUNT>"),
        (words("users create --count 3"), "--prefix"),
        (plus(bulk("0", "load"), &[&file]), "0 is not in 1..=100000"),
        (plus(bulk("many", "load"), &[&file]), "invalid value 'many'"),
        (plus(bulk("3", ".load"), &[&file]), "begin with a letter or digit"),
        (plus(bulk("3", "lo ad"), &[&file]), "use letters, digits"),
        (plus(bulk("3", "нагрузка"), &[&file]), "use letters a to z"),
        (plus(bulk("3", "load"), &["/nowhere/accounts.json"]), "/nowhere/accounts.json cannot be made"),
        (
            plus(bulk("3", "load"), &[&file, "--ttl", "25h"]),
            "--ttl must be from 1s to 14400s (auth.minted_token_seconds)",
        ),
        (plus(bulk("3", "load"), &[&file, "--ttl", "0s"]), "--ttl must be from 1s"),
        (plus(bulk("3", "load"), &[&file, "--ttl", "soon"]), "expected a time such as 90s"),
        (one("ada", "ada"), "--email \"ada\" "),
        (one("ada@example.org", "a da"), "--username \"a da\" contains"),
        (plus(one("ada@example.org", "ada"), &["--password", "stdin"]), "the password must have 8 to 128"),
        (plus(one("ada@example.org", "ada"), &["--password", "hunter22"]), "invalid value"),
        (words("tokens mint"), "--user <USER>"),
        (words("tokens mint --user nobody"), "there is no user \"nobody\""),
        (words("tokens mint --user no@body"), "there is no user \"no@body\""),
        (words("tokens mint --accounts missing.json"), "missing.json cannot be read"),
        (words("rooms create --name Tea --owner nobody"), "there is no user"),
        (words("rooms create --name Tea --owner nobody --max-participants 1"), "--max-participants must be 2 to 10000"),
        (words("rooms create --name Tea --owner nobody --max-forwarded-speakers 9"), "must be 1 to 8, is 9"),
        (words("grant nobody"), "there is no user \"nobody\""),
        (words("users block nobody"), "there is no user \"nobody\""),
        (words("users list --state happy"), "invalid value 'happy'"),
        (words("audit --action dancing"), "expected one of user-created, "),
        (words("live kick nobody"), "invalid value 'nobody'"),
        (words("rooms delete 0192f0c1-0000-7000-8000-000000000000 --yes"), "there is no room"),
        (words("users delete --yes"), "<USER"),
        (words("users delete ada --prefix a --yes"), "cannot be used with"),
        (words("users delete nobody --yes"), "there is no user \"nobody\""),
        (words("users frobnicate"), "unrecognized subcommand"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let line = refused(&admin(&setup, &arguments), 2);
        assert!(line.contains(expected), "{arguments:?}: {line}");
    }
    assert!(!Path::new(&file).exists());
    assert_eq!(done(&admin(&setup, &["users", "list"])), "", "nothing was made");

    let broken = setup.folder.path().join("broken.json");
    std::fs::write(&broken, "{}").unwrap();
    let line = refused(&admin(&setup, &["tokens", "mint", "--accounts", &broken.display().to_string()]), 2);
    assert!(line.contains("is no accounts file"), "{line}");
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), "{}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_running_server_logs_is_shown_and_changed() {
    let setup = Setup::new().with("HUBBUB__LOG__FILTER", "warn");
    let absent = refused(&admin(&setup, &["log", "level"]), 1);
    assert!(absent.contains("no server runs on the data folder"), "{absent}");
    let server = setup.start().await;
    assert_eq!(done(&admin(&setup, &["log", "level"])), "warn");

    assert_eq!(done(&admin(&setup, &["log", "level", "info,hubbub=debug"])), "logged from now on: info,hubbub=debug");
    server.logged("hubbub admin: this is logged from now on").await;
    server.get("/healthz", None).await;
    server.logged("/healthz").await;
    for (wrong, said) in
        [("inof", "\"inof\" is no level"), ("hubbub_sfu=loud", "expected \"info\""), ("", "nothing is said")]
    {
        let line = refused(&admin(&setup, &["log", "level", wrong]), 2);
        assert!(line.contains(said), "{wrong}: {line}");
    }
    assert_eq!(done(&admin(&setup, &["log", "level"])), "info,hubbub=debug", "what is wrong changes nothing");

    // The configuration counts again; at its level nothing is said of that.
    server.signal("HUP");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while done(&admin(&setup, &["log", "level"])) != "warn" {
        assert!(std::time::Instant::now() < deadline, "SIGHUP changes nothing:\n{}", server.log());
    }
}
