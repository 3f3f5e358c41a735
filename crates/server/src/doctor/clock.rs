//! The clock: tokens, codes, TURN credentials and certificates are valid by it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Doctor;
use super::finding::Finding;

/// How long a time server may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long both clocks are watched, and how far they may drift apart meanwhile.
const WATCH: Duration = Duration::from_millis(200);
const JUMP: f64 = 0.1;

/// Seconds off that are worth a word, and that break things.
const OFF: f64 = 2.0;
const FAR_OFF: f64 = 60.0;

/// Seconds between 1900, NTP's beginning, and 1970.
const NTP_TO_UNIX: f64 = 2_208_988_800.0;

/// systemd-timesyncd makes it when the clock was set from the network.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// The line about it.
pub(crate) async fn check(doctor: &Doctor) -> Finding {
    let (monotonic, wall) = (Instant::now(), now());
    tokio::time::sleep(WATCH).await;
    let drift = (now() - wall) - monotonic.elapsed().as_secs_f64();
    let arguments = &doctor.arguments;
    let offset = if arguments.offline { None } else { Some(offset(&arguments.time_server).await) };
    let synchronized = std::path::Path::new(SYNCHRONIZED).exists();
    judge(drift, offset, &arguments.time_server, synchronized)
}

fn judge(drift: f64, offset: Option<Result<f64, String>>, server: &str, synchronized: bool) -> Finding {
    let name = "clock";
    let advice = "have the machine keep its time by NTP (systemd-timesyncd or chrony)";
    if drift.abs() > JUMP {
        return Finding::warning(name, format!("it jumped by {drift:+.1} s while it was watched"), advice);
    }
    match offset {
        Some(Ok(offset)) if offset.abs() > FAR_OFF => {
            let found = format!("{offset:+.0} s off, says {server}: logins, TURN credentials and certificates fail");
            Finding::fails(name, found, advice)
        }
        Some(Ok(offset)) if offset.abs() > OFF => {
            Finding::warning(name, format!("{offset:+.1} s off, says {server}"), advice)
        }
        Some(Ok(offset)) => Finding::ok(name, format!("{offset:+.3} s off, says {server}")),
        _ if synchronized => Finding::ok(name, "runs evenly, and the system says that it is synchronised"),
        Some(Err(error)) => Finding::warning(
            name,
            format!("runs evenly, but could not be compared: {server}: {error}"),
            "give another time server with --time-server, or see that the machine keeps its time by NTP",
        ),
        None => Finding::ok(name, "runs evenly; not compared with another one (--offline)"),
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Seconds by which this machine's clock is ahead of the server's (SNTP, RFC 4330, section 5).
async fn offset(server: &str) -> Result<f64, String> {
    let server = if server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        server.to_owned()
    } else {
        format!("{server}:123")
    };
    let asking = async {
        let target = tokio::net::lookup_host(&server).await?.find(std::net::SocketAddr::is_ipv4);
        let target = target.ok_or_else(|| std::io::Error::other("its name has no address"))?;
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect(target).await?;
        // Version 4, a client; our time, which comes back, tells this answer from others.
        let mut packet = [0u8; 48];
        packet[0] = 0x23;
        let sent = now();
        packet[40..48].copy_from_slice(&to_ntp(sent));
        let token: [u8; 8] = to_ntp(sent);
        socket.send(&packet).await?;
        loop {
            let mut answer = [0u8; 48];
            let length = socket.recv(&mut answer).await?;
            let received = now();
            // Mode 4 is a server's; stratum 0 refuses.
            if length == 48 && answer[0] & 7 == 4 && answer[1] != 0 && answer[24..32] == token {
                let theirs = (from_ntp(&answer[32..40]) + from_ntp(&answer[40..48])) / 2.0;
                return Ok((sent + received) / 2.0 - theirs);
            }
        }
    };
    match timeout(PATIENCE, asking).await {
        Err(_) => Err("no answer".to_owned()),
        Ok(done) => done.map_err(|error: std::io::Error| error.to_string()),
    }
}

/// Seconds since 1970 as a 64-bit NTP time (RFC 5905, section 6).
fn to_ntp(seconds: f64) -> [u8; 8] {
    let since_1900 = seconds + NTP_TO_UNIX;
    let whole = since_1900.floor();
    // The seconds wrap in 2036.
    let [.., a, b, c, d] = (whole as u64).to_be_bytes();
    let [e, f, g, h] = (((since_1900 - whole) * 4_294_967_296.0) as u32).to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The time nearest to now that such a number can mean, in seconds since 1970.
fn from_ntp(bytes: &[u8]) -> f64 {
    let part = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)) as f64;
    let seconds = part(&bytes[..4]) + part(&bytes[4..8]) / 4_294_967_296.0 - NTP_TO_UNIX;
    if seconds < 0.0 { seconds + 4_294_967_296.0 } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn ntp_times_come_back() {
        for seconds in [1_795_255_200.25, 2_085_978_496.5, 2_200_000_000.0] {
            assert!((from_ntp(&to_ntp(seconds)) - seconds).abs() < 1e-3, "{seconds}");
        }
    }

    #[test]
    fn what_is_off_is_named() {
        let level = |drift, offset, synchronized| judge(drift, offset, "ntp.example.org", synchronized).level;
        assert_eq!(level(0.0, Some(Ok(0.01)), false), Level::Ok);
        assert_eq!(level(0.0, Some(Ok(-5.0)), false), Level::Warning);
        assert_eq!(level(0.0, Some(Ok(3600.0)), true), Level::Fails);
        assert_eq!(level(4.0, Some(Ok(0.0)), true), Level::Warning);
        assert_eq!(level(0.0, Some(Err("no answer".to_owned())), true), Level::Ok);
        assert_eq!(level(0.0, Some(Err("no answer".to_owned())), false), Level::Warning);
        assert_eq!(level(0.0, None, false), Level::Ok);
    }

    #[tokio::test]
    async fn a_time_server_is_believed_only_for_our_question() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let name = server.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut packet = [0u8; 48];
            let (_, from) = server.recv_from(&mut packet).await.unwrap();
            let mut answer = [0u8; 48];
            (answer[0], answer[1]) = (0x24, 2);
            // For nobody's question, and a day off.
            answer[32..40].copy_from_slice(&to_ntp(now() + 86_400.0));
            answer[40..48].copy_from_slice(&to_ntp(now() + 86_400.0));
            server.send_to(&answer, from).await.unwrap();
            answer[24..32].copy_from_slice(&packet[40..48]);
            answer[32..40].copy_from_slice(&to_ntp(now() - 100.0));
            answer[40..48].copy_from_slice(&to_ntp(now() - 100.0));
            server.send_to(&answer, from).await.unwrap();
        });
        let offset = offset(&name).await.unwrap();
        assert!((99.0..=103.0).contains(&offset), "{offset}");
    }
}
