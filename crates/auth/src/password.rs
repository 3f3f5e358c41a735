//! argon2id (RFC 9106) away from the async threads, with a bound on how much of it runs and how much may wait.

use std::sync::Arc;
use std::time::Instant;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use hubbub_domain::measure::{Histogram, Times};
use hubbub_domain::storage::NO_PASSWORD;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::config::{ConfigError, PasswordConfig};
use crate::keys::random;

/// So many passwords are being hashed that one more would wait too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// Hashes and verifies passwords. Cheap to clone; clones share the bounds.
#[derive(Clone)]
pub(crate) struct PasswordHasher {
    argon2: Argon2<'static>,
    /// What an unknown address's password is compared with, so that it costs the same.
    dummy: Arc<str>,
    /// Who computes.
    workers: Arc<Semaphore>,
    /// Who computes or waits.
    places: Arc<Semaphore>,
    times: Arc<Times>,
}

impl PasswordHasher {
    pub(crate) fn new(config: &PasswordConfig) -> Result<Self, ConfigError> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None)
            .map_err(|error| ConfigError::Argon2(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy =
            hash(&argon2, &random::<16>()).ok_or_else(|| ConfigError::Argon2("hashing with them failed".to_owned()))?;
        let workers = config.workers.min(Semaphore::MAX_PERMITS / 2);
        let places = workers.saturating_add(config.queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            argon2,
            dummy: dummy.into(),
            workers: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Semaphore::new(places)),
            times: Arc::default(),
        })
    }

    /// How long hashing and verifying took, with waiting.
    pub(crate) fn times(&self) -> Histogram {
        self.times.snapshot()
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = normalise(password);
        let argon2 = self.argon2.clone();
        self.run(move || {
            hash(&argon2, password.as_bytes()).expect("the same parameters hashed when the server started")
        })
        .await
    }

    /// Whether `password` is the one behind `stored`. Without a stored one, or with [`NO_PASSWORD`], the work is the same and
    /// the answer `false`.
    pub(crate) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, Busy> {
        let password = normalise(password);
        let argon2 = self.argon2.clone();
        let stored = stored.filter(|hash| hash != NO_PASSWORD);
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.to_string());
        self.run(move || {
            let Ok(parsed) = PasswordHash::new(&stored) else {
                tracing::error!("a stored password hash is not a PHC string");
                return false;
            };
            argon2.verify_password(password.as_bytes(), &parsed).is_ok() && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let started = Instant::now();
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| Busy)?;
        // The permits travel with the work: a caller that goes away does not make room for a second computation.
        let result = tokio::task::spawn_blocking(move || {
            let _held = (place, worker);
            work()
        });
        let done = result.await.map_err(|_| Busy);
        self.times.observe(started.elapsed());
        done
    }
}

/// NFC, so that a password is the same from every keyboard (RFC 8265, section 4.2.2).
pub(crate) fn normalise(password: &str) -> String {
    password.nfc().collect()
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Option<String> {
    argon2.hash_password_with_salt(password, &random::<16>()).ok().map(|phc| phc.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn cheap(workers: usize, queue: usize) -> PasswordHasher {
        let config = PasswordConfig { memory_kib: 8, iterations: 1, parallelism: 1, workers, queue };
        PasswordHasher::new(&config).unwrap()
    }

    #[tokio::test]
    async fn hashes_are_argon2id_salted_and_verify_only_their_password() {
        let hasher = cheap(1, 8);
        let first = hasher.hash("correct horse").await.unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{first}");
        assert_ne!(first, hasher.hash("correct horse").await.unwrap());
        assert!(hasher.verify("correct horse", Some(first.clone())).await.unwrap());
        assert!(!hasher.verify("correct horsE", Some(first)).await.unwrap());
        assert!(!hasher.verify("correct horse", None).await.unwrap());
        assert!(!hasher.verify("correct horse", Some("damaged".to_owned())).await.unwrap());
        assert_eq!(hasher.times().count, 6, "and each was timed");
    }

    #[test]
    fn what_an_unknown_address_is_compared_with_costs_what_a_real_password_does() {
        let costs = |phc: &str| phc.rsplitn(3, '$').nth(2).map(str::to_owned);
        let hasher = cheap(1, 8);
        let real = hash(&hasher.argon2, b"correct horse").unwrap();
        assert_eq!(costs(&hasher.dummy), costs(&real));
        assert_eq!(costs(&real).as_deref(), Some("$argon2id$v=19$m=8,t=1,p=1"));
    }

    #[tokio::test]
    async fn defaults_are_those_of_owasp() {
        let hash = PasswordHasher::new(&PasswordConfig::default()).unwrap().hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn nothing_is_cut_off_and_composed_and_decomposed_letters_are_the_same() {
        let hasher = cheap(1, 8);
        let long = format!("{}ü1", "x".repeat(126));
        let hash = hasher.hash(&long).await.unwrap();
        assert!(hasher.verify(&long.replace('ü', "u\u{308}"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(&format!("{}ü2", "x".repeat(126)), Some(hash)).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_is_bounded_and_a_full_queue_says_busy() {
        let hasher = cheap(1, 2);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let (hasher, running, most, gate) = (hasher.clone(), running.clone(), most.clone(), gate.clone());
                tokio::spawn(async move {
                    hasher
                        .run(move || {
                            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            gate.lock().unwrap().recv().unwrap();
                            running.fetch_sub(1, Ordering::SeqCst);
                        })
                        .await
                })
            })
            .collect();
        while hasher.places.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(hasher.hash("one too many").await, Err(Busy));
        for _ in 0..3 {
            open.send(()).unwrap();
        }
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1, "one worker, so one at a time");
        assert!(hasher.hash("room again").await.is_ok());
    }

    #[tokio::test]
    async fn hashing_does_not_hold_up_the_async_thread() {
        // One async thread: it must go on ticking while the default parameters are being computed.
        let hasher = PasswordHasher::new(&PasswordConfig { iterations: 20, ..PasswordConfig::default() }).unwrap();
        let hashing = tokio::spawn(async move { hasher.hash("correct horse").await });
        let mut ticks = 0;
        while !hashing.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            ticks += 1;
        }
        assert!(ticks >= 10, "{ticks} ticks");
    }
}
