use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use super::*;

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Chain and key.
fn pair(names: &[&str], from: i32, to: i32) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    let key = KeyPair::generate().unwrap();
    let issuer = issuer();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    (format!("{}{}", leaf.pem(), issuer.pem()), key.serialize_pem())
}

fn year(year: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_556_952)
}

#[test]
fn a_certificate_has_names_and_dates() {
    let (chain, key) = pair(&["talk.example.org", "*.rooms.example.org", "192.0.2.1", "2001:db8::1"], 2020, 2030);
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(certificate.key.cert.len(), 2);
    for host in ["talk.example.org", "TALK.example.org", "a.rooms.example.org", "192.0.2.1", "[2001:db8::1]"] {
        assert!(certificate.is_for(host), "{host}");
    }
    for host in ["example.org", "rooms.example.org", "a.b.rooms.example.org", "192.0.2.2", ""] {
        assert!(!certificate.is_for(host), "{host}");
    }
    assert_eq!(certificate.standing(year(2019)), Standing::Early);
    assert_eq!(certificate.standing(year(2025)), Standing::Good);
    assert_eq!(certificate.standing(year(2031)), Standing::Expired);
}

#[test]
fn text_around_and_keys_of_every_kind_are_fine() {
    let (chain, key) = pair(&["a.example"], 2020, 2030);
    let chain = format!("Bag Attributes\n  friendlyName: a\n{chain}\ntrailing words\n");
    assert!(Certificate::from_pem(chain.as_bytes(), key.as_bytes()).is_ok());
    // Both in one file, as ACME's state is kept.
    let both = format!("{key}{chain}");
    assert!(Certificate::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
}

#[test]
fn what_does_not_fit_is_named() {
    let (chain, key) = pair(&["a.example"], 2020, 2030);
    let (other_chain, other_key) = pair(&["a.example"], 2020, 2030);
    let turned = format!("{other_chain}{chain}");
    let half = &chain[..200];
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nMIIAAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        ("", key.as_str(), "has no certificate; expected"),
        (key.as_str(), key.as_str(), "has no certificate; expected"),
        (half, key.as_str(), "is damaged"),
        (broken, key.as_str(), "cannot be"),
        (
            turned.as_str(),
            key.as_str(),
            "begins with another certificate than the server's own; expected that one first",
        ),
        (chain.as_str(), "", "has no private key; expected"),
        (chain.as_str(), chain.as_str(), "has no private key; expected"),
        (chain.as_str(), encrypted, "is protected by a password; expected one without"),
        (chain.as_str(), nonsense, "cannot be used: "),
        (chain.as_str(), other_key.as_str(), "does not belong to the certificate; expected the key it was made for"),
    ];
    for (chain, key, expected) in cases {
        let error = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
        assert_eq!(
            matches!(error, CertificateError::Key(_)),
            expected.contains("key") || expected.starts_with("is prot") || key == nonsense
        );
    }
}
