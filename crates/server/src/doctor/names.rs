//! Whether the names that ACME gets a certificate for lead to this machine.

use std::net::IpAddr;
use std::time::Duration;

use super::Doctor;
use super::finding::Finding;
use crate::tls::Source;

const NAME: &str = "acme names";

/// How long a name may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line for each; `here` are the addresses of this machine, those it announces and those STUN sees it as.
pub(crate) async fn check(doctor: &Doctor, here: &[IpAddr]) -> Vec<Finding> {
    let Some(Source::Acme(acme)) = doctor.config.for_tls() else { return Vec::new() };
    let asked = acme.domains.iter().map(async |name| {
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), 443))).await;
        let found = match found {
            Ok(Ok(found)) => Ok(found.map(|address| address.ip().to_canonical()).collect()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        judge(name, found, here)
    });
    futures_util::future::join_all(asked).await
}

fn judge(name: &str, found: Result<Vec<IpAddr>, String>, here: &[IpAddr]) -> Finding {
    let mut found = match found {
        Ok(found) => found,
        Err(error) => {
            let found = format!("{name} does not resolve: {error}");
            return Finding::warning(
                NAME,
                found,
                "make a DNS entry for it (A, AAAA) with this machine's public address",
            );
        }
    };
    found.sort();
    found.dedup();
    // A name that leads to loopback here, mostly by /etc/hosts, leads others elsewhere.
    let ours = |ip: &IpAddr| here.contains(ip) && !ip.is_loopback();
    let list = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let strange: Vec<IpAddr> = found.iter().copied().filter(|ip| !ours(ip)).collect();
    if strange.is_empty() {
        return Finding::ok(NAME, format!("{name} resolves to {}, which is this machine", list(&found)));
    }
    let mut machine: Vec<IpAddr> = here.iter().copied().filter(|ip| !ip.is_loopback()).collect();
    machine.sort();
    machine.dedup();
    let machine = if machine.is_empty() { "known by no address".to_owned() } else { list(&machine) };
    Finding::warning(
        NAME,
        format!("{name} resolves to {}, this machine is {machine}", list(&strange)),
        "right when a NAT or a cloud passes port 80 or 443 on from there (`--stun stun:HOST:PORT` finds that address); else correct the DNS entry: the ACME server connects to it",
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_or_nowhere_is_named() {
        let ips = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        let here = ips(&["127.0.0.1", "10.0.0.5", "203.0.113.9"]);
        let of = |found: &[&str]| judge("talk.example.org", Ok(ips(found)), &here);
        assert_eq!(of(&["203.0.113.9", "203.0.113.9"]).level, Level::Ok);
        for other in [&["198.51.100.7"][..], &["203.0.113.9", "2001:db8::1"], &["127.0.0.1"]] {
            let finding = of(other);
            assert_eq!(finding.level, Level::Warning);
            assert!(finding.found.contains(other[other.len() - 1]), "{finding:?}");
            assert!(finding.found.contains("this machine is 10.0.0.5, 203.0.113.9"), "{finding:?}");
        }
        let unknown = judge("talk.example.org", Err("no such host".to_owned()), &here);
        assert_eq!(unknown.level, Level::Warning);
        assert!(unknown.found.contains("does not resolve: no such host"), "{unknown:?}");
    }
}
