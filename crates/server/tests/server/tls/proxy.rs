//! Debian's nginx with the configuration that is shipped for it.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Version};
use serde_json::json;
use time::Duration;

use crate::certificates::Authority;
use crate::harness::{PASSWORD, PATIENCE, Reach, Server, Setup, builder, free_port};

const NAME: &str = "talk.example.org";

/// An nginx on loopback in front of a server; killed when the test ends.
struct Nginx {
    child: Child,
    authority: Authority,
    https: u16,
    http: u16,
}

impl Nginx {
    async fn start(setup: &Setup) -> Self {
        let (authority, https, http) = (Authority::new(), free_port(), free_port());
        let folder = setup.folder.path();
        let (chain, key) = authority.issue(&[NAME], Duration::days(1)).write(folder);
        let mut config = include_str!("../../../../../config/nginx/hubbub.conf").to_owned();
        let path = |path: &std::path::Path| path.display().to_string();
        for (old, new) in [
            ("server 127.0.0.1:8080;", format!("server 127.0.0.1:{};", setup.http)),
            ("listen 80;", format!("listen 127.0.0.1:{http};")),
            ("listen [::]:80;", String::new()),
            ("listen 443 ssl http2;", format!("listen 127.0.0.1:{https} ssl http2;")),
            ("listen [::]:443 ssl http2;", String::new()),
            ("/etc/letsencrypt/live/talk.example.org/fullchain.pem", path(&chain)),
            ("/etc/letsencrypt/live/talk.example.org/privkey.pem", path(&key)),
        ] {
            assert_eq!(config.matches(old).count(), 1, "{old} is in the file");
            config = config.replace(old, &new);
        }
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            kinds.iter().map(|kind| format!("{kind}_temp_path {}/{kind};\n", path(folder))).collect();
        let whole = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr;\n\
             events {{}}\nhttp {{\naccess_log off;\n{temporary}{config}\n}}\n",
            path(folder)
        );
        std::fs::write(folder.join("nginx.conf"), whole).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("nginx is installed: scripts/prepare-tests.sh does that");
        let nginx = Self { child, authority, https, http };
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", https)).await.is_err() {
            assert!(Instant::now() < until, "nginx has not started");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        nginx
    }

    fn url(&self) -> String {
        format!("https://{NAME}:{}", self.https)
    }

    /// Somebody with an address of their own.
    fn client(&self, from: [u8; 4]) -> reqwest::Client {
        let root = Certificate::from_pem(self.authority.root().as_bytes()).unwrap();
        let client =
            builder().redirect(Policy::none()).tls_certs_only([root]).local_address(std::net::IpAddr::from(from));
        client.resolve(NAME, ([127, 0, 0, 1], self.https).into()).build().unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn both(trusted: &str) -> (Nginx, Server) {
    let mut setup = Setup::new();
    let nginx = Nginx::start(&setup).await;
    setup.set("HUBBUB__HTTP__PUBLIC_URL", &nginx.url());
    setup.set("HUBBUB__HTTP__TRUSTED_PROXIES", trusted);
    setup.set("HUBBUB__LIMITS__VERIFY", "3/1h");
    let setup = setup.reached(Reach::secure(NAME, nginx.https, &nginx.authority.root()));
    let server = setup.start().await;
    (nginx, server)
}

/// Guesses a code, and says that it comes from elsewhere.
async fn guess(nginx: &Nginx, from: [u8; 4], number: usize) -> u16 {
    let body = json!({ "email": format!("nobody{number}@example.org"), "code": "123456" });
    let request = nginx.client(from).post(format!("{}/api/auth/email/verify", nginx.url())).json(&body);
    let forged = format!("192.0.2.{number}");
    request.header("x-forwarded-for", forged).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_behind_nginx_pages_logins_sockets_and_addresses_are_as_without() {
    let (nginx, server) = both("127.0.0.1").await;
    let page = nginx.client([127, 0, 0, 1]).get(format!("{}/", nginx.url())).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_2));
    assert!(page.headers().contains_key("strict-transport-security"));
    let port = nginx.https;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains(&format!("wss://{NAME}:{port}")));

    let ada = server.user("ada").await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let login = nginx.client([127, 0, 0, 1]).post(format!("{}/api/auth/login", nginx.url())).json(&body);
    let login = login.header("origin", nginx.url()).send().await.unwrap();
    assert_eq!(login.status(), 200);
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("Secure"), "{cookie}");
    let mut socket = server.socket(&ada).await;
    socket.send(json!({ "type": "ping", "id": 7 })).await;
    assert_eq!(socket.wait_for("pong").await["replyTo"], 7);

    // Ada has used one of three from 127.0.0.1 to verify; others have their own, whatever they claim.
    for number in 0..3 {
        assert_ne!(guess(&nginx, [127, 0, 0, 2], number).await, 429);
    }
    assert_eq!(guess(&nginx, [127, 0, 0, 2], 3).await, 429);
    assert_ne!(guess(&nginx, [127, 0, 0, 3], 4).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_a_proxy_that_is_not_trusted_is_one_client() {
    let (nginx, _server) = both("192.0.2.9").await;
    for number in 0..3 {
        assert_ne!(guess(&nginx, [127, 0, 0, 10 + u8::try_from(number).unwrap()], number).await, 429);
    }
    assert_eq!(guess(&nginx, [127, 0, 0, 20], 3).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_leads_http_to_https() {
    let (nginx, _server) = both("127.0.0.1").await;
    let plain = builder().redirect(Policy::none()).build().unwrap();
    let answer = plain.get(format!("http://127.0.0.1:{}/rooms?a=b", nginx.http)).send().await.unwrap();
    assert_eq!(answer.status(), 308);
    assert_eq!(answer.headers()["location"], "https://talk.example.org/rooms?a=b");
}
